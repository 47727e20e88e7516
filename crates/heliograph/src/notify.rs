//! Telling systemd how things stand (sd_notify(3)): a few words in a datagram, where it asks for them.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Tells systemd `state`, such as `READY=1`. Without systemd this does nothing.
pub fn tell(state: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(&path.to_string_lossy(), state) {
        tracing::warn!(cause = %error, "systemd could not be told `{state}`");
    }
}

fn send(path: &str, state: &str) -> std::io::Result<()> {
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(path)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_arrive() {
        let path = std::env::temp_dir().join(format!("heliograph-notify-{}.sock", std::process::id()));
        let _left_behind = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).unwrap();
        send(path.to_str().unwrap(), "READY=1").unwrap();
        let mut words = [0; 16];
        let count = socket.recv(&mut words).unwrap();
        assert_eq!(&words[..count], b"READY=1");
        std::fs::remove_file(&path).unwrap();
    }
}
