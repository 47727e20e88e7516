use super::*;
use crate::metrics::Registry;
use crate::random::Seeded;
use crate::shutdown::Shutdown;
use crate::tls::{Certificates, ClientTls, TlsFloor, Trust, self_signed};
use crate::{Received, dial};

/// Says hello with the peer's address, then repeats what it hears until `QUIT`; panics at `PANIC`.
struct Echo;

impl Door for Echo {
    fn serve(self: Arc<Self>, mut connection: Connection) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let hello = format!("hello {}\n", connection.peer());
            connection.send(hello.as_bytes(), None).await.unwrap();
            loop {
                let mut octets = BytesMut::new();
                match connection.receive_unless_draining(&mut octets, None).await {
                    Ok(Received::Octets(_)) if octets.starts_with(b"PANIC") => panic!("as the test wants"),
                    Ok(Received::Octets(_)) => connection.send(&octets, None).await.unwrap(),
                    Ok(Received::Draining) => {
                        connection.send(b"bye\n", None).await.unwrap();
                        return;
                    }
                    _ => return,
                }
            }
        })
    }

    fn farewell(&self, refused: Refused) -> Bytes {
        Bytes::from(format!("no: {refused}\n"))
    }
}

struct Running {
    address: ListenAddress,
    registry: Registry,
    shutdown: Shutdown,
    task: tokio::task::JoinHandle<()>,
}

async fn run(settings: ListenerSettings) -> Running {
    let listener = Listener::bind(settings).await.unwrap();
    let (registry, shutdown) = (Registry::new(), Shutdown::new());
    let (address, token, shown) = (listener.address().clone(), shutdown.token(), registry.clone());
    let task = tokio::spawn(async move { listener.run(Arc::new(Echo), Arc::new(Seeded::new(1)), &shown, token).await });
    Running { address, registry, shutdown, task }
}

fn settings(tls: TlsUse) -> ListenerSettings {
    ListenerSettings::new("echo", "127.0.0.1:0".parse().unwrap(), tls)
}

impl Running {
    async fn connect(&self) -> Connection {
        let ListenAddress::Ip(address) = &self.address else { panic!("not over TCP") };
        let never = ShutdownToken::never();
        dial::tcp(*address, None, limits::CONNECT, TraceId(0), never).await.unwrap()
    }

    async fn end(self) {
        self.shutdown.drain();
        self.task.await.unwrap();
    }
}

async fn hear(connection: &mut Connection, end: &str) -> String {
    let mut octets = BytesMut::new();
    while !octets.ends_with(end.as_bytes()) {
        match connection.receive(&mut octets, None).await.unwrap() {
            Received::Octets(_) => {}
            other => panic!("{other:?} after {octets:?}"),
        }
    }
    String::from_utf8(octets.to_vec()).unwrap()
}

#[tokio::test]
async fn draining_lets_connections_say_goodbye() {
    let running = run(settings(TlsUse::Never)).await;
    let mut client = running.connect().await;
    assert!(hear(&mut client, "\n").await.starts_with("hello 127.0.0.1:"));
    client.send(b"echo\n", None).await.unwrap();
    assert_eq!(hear(&mut client, "\n").await, "echo\n");
    running.end().await;
    assert_eq!(hear(&mut client, "\n").await, "bye\n");
}

#[tokio::test]
async fn stopping_cuts_off_those_who_stay() {
    struct Deaf;
    impl Door for Deaf {
        fn serve(self: Arc<Self>, connection: Connection) -> BoxFuture<'static, ()> {
            Box::pin(async move {
                let _kept = connection;
                std::future::pending::<()>().await;
            })
        }
    }
    let listener = Listener::bind(settings(TlsUse::Never)).await.unwrap();
    let ListenAddress::Ip(address) = *listener.address() else { panic!("not over TCP") };
    let shutdown = Shutdown::new();
    let token = shutdown.token();
    let task = tokio::spawn(async move {
        listener.run(Arc::new(Deaf), Arc::new(Seeded::new(1)), &Registry::new(), token).await;
    });
    let mut client = dial::tcp(address, None, limits::CONNECT, TraceId(0), ShutdownToken::never()).await.unwrap();
    shutdown.drain();
    shutdown.stop();
    task.await.unwrap();
    // A connection that was never accepted is reset, one that was is closed.
    assert!(!matches!(client.receive(&mut BytesMut::new(), None).await, Ok(Received::Octets(_))));
}

#[tokio::test]
async fn too_many_are_told_so() {
    let mut settings = settings(TlsUse::Never);
    settings.limits.per_address = 1;
    let running = run(settings).await;
    let mut first = running.connect().await;
    hear(&mut first, "\n").await;
    let mut second = running.connect().await;
    assert_eq!(hear(&mut second, "\n").await, "no: too many connections from your address\n");
    assert!(running.registry.render().contains("heliograph_connections_refused_total{protocol=\"echo\"} 1\n"));
    running.end().await;
}

#[tokio::test]
async fn a_panic_ends_one_connection() {
    let running = run(settings(TlsUse::Never)).await;
    let (mut first, mut second) = (running.connect().await, running.connect().await);
    hear(&mut first, "\n").await;
    hear(&mut second, "\n").await;
    first.send(b"PANIC", None).await.unwrap();
    assert!(!matches!(first.receive(&mut BytesMut::new(), None).await, Ok(Received::Octets(_))));
    second.send(b"still here\n", None).await.unwrap();
    assert_eq!(hear(&mut second, "\n").await, "still here\n");
    let registry = running.registry.clone();
    running.end().await;
    assert!(registry.render().contains("heliograph_connection_panics_total{protocol=\"echo\"} 1\n"));
    assert!(registry.render().contains("heliograph_connections{protocol=\"echo\"} 0\n"));
}

#[tokio::test]
async fn implicit_tls_shakes_hands_first() {
    let made = self_signed::make(&["a.example".to_owned()]).unwrap();
    let certificates = Certificates::from_pem(&made.certificate_pem, &made.key_pem).unwrap();
    let running = run(settings(TlsUse::Implicit(ServerTls::new(certificates, TlsFloor::Tls12).unwrap()))).await;
    let mut client = running.connect().await;
    client.start_tls_as_client(&ClientTls::new(None).unwrap(), "a.example", Trust::Opportunistic).await.unwrap();
    assert!(hear(&mut client, "\n").await.starts_with("hello "));
    let mut plain = running.connect().await;
    plain.send(b"EHLO x\r\n\r\n", None).await.unwrap();
    let mut answer = BytesMut::new();
    while let Ok(Received::Octets(_)) = plain.receive(&mut answer, None).await {}
    assert!(!answer.starts_with(b"hello"));
    assert!(running.registry.render().contains("handshakes_failed_total{protocol=\"echo\"} 1\n"));
    drop(client);
    running.end().await;
}

#[tokio::test]
async fn trusted_proxies_speak_for_others() {
    let mut settings = settings(TlsUse::Never);
    settings.proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let running = run(settings).await;
    let mut client = running.connect().await;
    client.send(b"PROXY TCP4 192.0.2.1 198.51.100.2 1000 25\r\nearly\n", None).await.unwrap();
    assert_eq!(hear(&mut client, "early\n").await, "hello 192.0.2.1:1000\nearly\n");
    let mut rude = running.connect().await;
    rude.send(b"EHLO x\r\n", None).await.unwrap();
    assert!(!matches!(rude.receive(&mut BytesMut::new(), None).await, Ok(Received::Octets(_))));
    running.end().await;
}

#[tokio::test]
async fn others_are_no_proxies() {
    let mut settings = settings(TlsUse::Never);
    settings.proxies = vec!["192.0.2.0/24".parse().unwrap()];
    let running = run(settings).await;
    let mut client = running.connect().await;
    client.send(b"PROXY TCP4 192.0.2.1 198.51.100.2 1000 25\r\n", None).await.unwrap();
    let heard = hear(&mut client, " 25\r\n").await;
    assert!(heard.starts_with("hello 127.0.0.1:"), "{heard}");
    running.end().await;
}

#[tokio::test]
async fn unix_sockets_are_made_and_removed() {
    let path = std::env::temp_dir().join(format!("heliograph-net-{}.sock", std::process::id()));
    let unix = |path: &Path| ListenerSettings::new("echo", ListenAddress::Unix(path.to_owned()), TlsUse::Never);
    // A socket left behind by a crash is in nobody's way.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let running = run(unix(&path)).await;
    let taken = Listener::bind(unix(&path)).await.unwrap_err();
    assert!(matches!(taken, Error::Listen { .. }), "{taken:?}");
    let mut client = dial::unix(&path, TraceId(0), ShutdownToken::never()).await.unwrap();
    assert_eq!(hear(&mut client, "\n").await, "hello unix\n");
    running.end().await;
    assert!(!path.exists());
    std::fs::write(&path, "precious").unwrap();
    let refused = Listener::bind(unix(&path)).await.unwrap_err();
    assert!(matches!(refused, Error::NotASocket { .. }), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let running = run(settings(TlsUse::Never)).await;
    let taken = ListenerSettings::new("echo", running.address.clone(), TlsUse::Never);
    let error = Listener::bind(taken).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {}", running.address));
    running.end().await;
}
