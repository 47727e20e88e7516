//! The program as its operators meet it: started, asked, reloaded, ended.

mod program;

use std::io::Read;
use std::net::TcpStream;

use program::{Folder, Program, heliograph};

fn speak(address: &str, words: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut socket, words.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_demo_keeps_its_ports_and_accounts() {
    let folder = Folder::new("keeps");
    let first = Program::demo(&folder, &["--any-port"]);
    let (ports, description) = (first.listeners.clone(), folder.read("demo.json"));
    assert!(ports.iter().any(|(protocol, _)| protocol == "imaps"), "{ports:?}");
    first.end();
    let second = Program::demo(&folder, &[]);
    assert_eq!(second.listeners, ports);
    assert_eq!(folder.read("demo.json"), description);
    second.end();
}

#[test]
fn a_taken_port_is_named() {
    let folder = Folder::new("taken");
    let first = Program::demo(&folder, &["--any-port"]);
    let taken = first.address("smtp");
    let other = Folder::new("taken-other");
    let settings = format!("[server]\ndata = '.'\n[[listeners]]\nprotocol = 'smtp'\naddress = '{taken}'\n");
    std::fs::write(other.path().join("heliograph.toml"), settings).unwrap();
    let (code, _, complaint) = heliograph(&other, &["serve"]);
    assert_eq!(code, 1);
    assert!(complaint.contains(&format!("cannot listen on {taken}")), "{complaint}");
    first.end();
}

#[test]
fn health_and_metrics_are_served() {
    let folder = Folder::new("health");
    let program = Program::demo(&folder, &["--any-port"]);
    let admin = program.address("admin");
    let ask = |path: &str| speak(&admin, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    assert!(ask("/health/ready").starts_with("HTTP/1.1 200"));
    assert!(ask("/metrics").contains("heliograph_connections_total{protocol=\"admin\"}"));
    program.end();
}

#[test]
fn the_server_tells_how_it_is_reloads_and_ends() {
    let folder = Folder::new("control");
    let program = Program::demo(&folder, &["--any-port"]);
    let (code, status, _) = heliograph(&folder, &["status"]);
    assert_eq!(code, 0);
    assert!(status.contains("has been running for") && status.contains(&program.address("imap")), "{status}");
    let (code, _, complaint) = heliograph(&folder, &["config", "set", "server.threads", "3"]);
    assert_eq!((code, complaint.as_str()), (0, ""));
    let (_, reloaded, _) = heliograph(&folder, &["reload"]);
    assert_eq!(reloaded, "reloaded\n  server.threads needs a restart\n");
    std::fs::write(folder.path().join("heliograph.toml"), "[server]\nhsot = 'x'\n").unwrap();
    let (code, _, complaint) = heliograph(&folder, &["reload", "--config", "/dev/null"]);
    assert_eq!(code, 1);
    assert!(complaint.contains("did you mean `server.host`?"), "{complaint}");
    let (code, _, _) = heliograph(&folder, &["stop", "--config", "/dev/null"]);
    assert_eq!(code, 0);
    program.ended();
}

#[test]
fn a_data_folder_has_one_server() {
    let folder = Folder::new("one");
    let program = Program::demo(&folder, &["--any-port"]);
    let (code, _, complaint) = heliograph(&folder, &["demo", "--any-port"]);
    assert_eq!(code, 75, "{complaint}");
    assert!(complaint.contains("in use by process"), "{complaint}");
    program.end();
}

#[test]
fn wrong_usage_and_wrong_settings_have_their_exit_codes() {
    let folder = Folder::new("codes");
    assert_eq!(heliograph(&folder, &["bogus"]).0, 2);
    assert_eq!(heliograph(&folder, &["serve", "--role", "cook"]).0, 1);
    std::fs::write(folder.path().join("heliograph.toml"), "").unwrap();
    assert_eq!(heliograph(&folder, &["serve", "--role", "cook"]).0, 2);
    assert_eq!(heliograph(&folder, &["config", "get", "server.shutdown_grace"]).1, "20s\n");
    std::fs::write(folder.path().join("heliograph.toml"), "[server]\nthreads = 'x'\n").unwrap();
    let (code, _, complaint) = heliograph(&folder, &["config", "check"]);
    assert_eq!(code, 1);
    assert!(complaint.contains("heliograph.toml:2:11: `server.threads`"), "{complaint}");
}
