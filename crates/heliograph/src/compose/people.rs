//! The directory, and who may log in.

use std::sync::Arc;

use directory::embedded::Embedded;
use directory::login::Logins;
use storage::Partition;

use crate::compose::ground::Ground;
use crate::failure::Failure;
use crate::login_failures::MeteredLogins;
use crate::metering::Metering;
use crate::settings::Settings;

/// Who there is.
///
/// # Errors
/// The directory cannot be read.
pub fn directory(settings: &Settings, ground: &Ground, system: &Partition) -> Result<Embedded, Failure> {
    let directory = Embedded::new(system.clone(), settings.directory.clone())
        .map_err(|error| Failure::failed("cannot open the directory").because(error))?;
    Ok(directory.counted_in(&ground.registry))
}

/// Who may log in: those of the directory, slowed down by what the meter has counted.
///
/// # Errors
/// There are no random octets.
pub fn logins(
    settings: &Settings,
    ground: &Ground,
    directory: &Embedded,
    metering: &Metering,
) -> Result<Logins, Failure> {
    let failures = Arc::new(MeteredLogins(metering.clone()));
    let clock = Arc::clone(&ground.clock);
    Logins::new(failures, Arc::new(directory.clone()), settings.directory.clone(), Arc::new(move || clock.now()))
        .map_err(|error| Failure::failed("cannot check logins").because(error))
}
