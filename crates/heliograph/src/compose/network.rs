//! TLS in both directions, and who knows names.

use std::sync::Arc;

use net::resolver::system::SystemResolver;
use net::resolver::table::TableResolver;
use net::{ClientTls, Registry, Resolver, ServerTls};

use crate::compose::certificates;
use crate::failure::Failure;
use crate::settings::Settings;

/// What connections need.
pub struct Network {
    /// TLS for those who connect to us.
    pub server_tls: ServerTls,
    /// TLS for those to whom we connect.
    pub client_tls: ClientTls,
    /// Who knows names.
    pub resolver: Arc<dyn Resolver>,
}

/// From the settings. Must be called within tokio.
///
/// # Errors
/// What TLS needs or the machine's own settings for names cannot be used.
pub fn open(settings: &Settings, registry: &Registry) -> Result<Network, Failure> {
    let failed = |error: net::Error| Failure::failed("cannot use TLS").because(error);
    let certificates = certificates::load(settings)?;
    let server_tls = ServerTls::new(certificates, settings.tls.floor).map_err(failed)?;
    let client_tls = ClientTls::new(settings.tls.roots.as_deref()).map_err(failed)?;
    Ok(Network { server_tls, client_tls, resolver: resolver(settings, registry)? })
}

/// Who knows names. Must be called within tokio.
///
/// # Errors
/// The machine's own settings for names cannot be used.
pub fn resolver(settings: &Settings, registry: &Registry) -> Result<Arc<dyn Resolver>, Failure> {
    let system = SystemResolver::new(&settings.dns.system, registry)
        .map_err(|error| Failure::failed("cannot ask for names").because(error))?;
    Ok(Arc::new(TableResolver::in_front_of(settings.dns.table.clone(), Arc::new(system))))
}
