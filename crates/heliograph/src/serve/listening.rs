//! Taking all addresses that the settings name, and letting in who comes.

use std::sync::Arc;

use net::datagram::{DatagramDoor, DatagramListener};
use net::{Door, ListenAddress, Listener, ListenerSettings, Random, Registry, ServerTls, ShutdownToken, TlsUse};
use tokio::task::JoinSet;

use crate::failure::Failure;
use crate::roles::{Protocol, TlsChoice};
use crate::settings::Settings;
use crate::settings::sections::listeners::Answers;

/// An address that is taken.
pub struct Listening {
    socket: Socket,
    /// What is spoken there.
    pub protocol: Protocol,
    /// What a policy listener answers from.
    pub answers: Answers,
}

enum Socket {
    Stream(Listener),
    Datagrams(DatagramListener),
}

/// Who serves an address.
pub enum Served {
    /// Connections.
    Stream(Arc<dyn Door>),
    /// Datagrams.
    Datagrams(Arc<dyn DatagramDoor>),
}

impl Listening {
    /// The protocol's name.
    pub fn name(&self) -> &'static str {
        self.protocol.name()
    }

    /// Where: the port that the system chose where 0 was asked for.
    pub fn address(&self) -> &ListenAddress {
        match &self.socket {
            Socket::Stream(listener) => listener.address(),
            Socket::Datagrams(listener) => listener.address(),
        }
    }

    /// Lets in who comes, until the token says to end.
    pub fn run(
        self,
        served: Served,
        tasks: &mut JoinSet<()>,
        random: &Arc<dyn Random>,
        registry: &Registry,
        token: ShutdownToken,
    ) {
        let (random, registry) = (Arc::clone(random), registry.clone());
        match (self.socket, served) {
            (Socket::Stream(listener), Served::Stream(door)) => {
                tasks.spawn(async move { listener.run(door, random, &registry, token).await });
            }
            (Socket::Datagrams(listener), Served::Datagrams(door)) => {
                tasks.spawn(async move { listener.run(door, &registry, token).await });
            }
            // Which protocol is of which kind is one fact, told by `Protocol::is_datagrams`.
            _ => {}
        }
    }
}

/// Takes all addresses, in the order of the settings. Without TLS to offer nothing that needs it can be bound.
///
/// # Errors
/// An address that is taken or forbidden.
pub async fn bind(settings: &Settings, server_tls: Option<&ServerTls>) -> Result<Vec<Listening>, Failure> {
    let failed = |error: net::Error| Failure::failed("cannot start").because(error);
    let mut bound = Vec::new();
    for listener in &settings.listeners {
        let (protocol, answers) = (listener.protocol, listener.answers);
        if protocol.is_datagrams() {
            let at_once_max = listener.limits.total;
            let datagrams = DatagramListener::bind(protocol.name(), &listener.address, at_once_max).await;
            bound.push(Listening { socket: Socket::Datagrams(datagrams.map_err(failed)?), protocol, answers });
            continue;
        }
        let tls = match (listener.tls, server_tls) {
            (TlsChoice::Never, _) | (_, None) => TlsUse::Never,
            (TlsChoice::OnRequest, Some(tls)) => TlsUse::OnRequest(tls.clone()),
            (TlsChoice::Implicit, Some(tls)) => TlsUse::Implicit(tls.clone()),
        };
        let settings = ListenerSettings {
            protocol: protocol.name(),
            address: listener.address.clone(),
            tls,
            limits: listener.limits,
            proxies: listener.proxies.clone(),
            handshake_timeout: listener.handshake_timeout,
            unix_mode: listener.unix_mode,
        };
        let stream = Listener::bind(settings).await.map_err(failed)?;
        bound.push(Listening { socket: Socket::Stream(stream), protocol, answers });
    }
    Ok(bound)
}
