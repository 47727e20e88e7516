//! What is done to mail on its way: scripts, content, named channels, authentication.

use std::sync::Arc;

use directory::embedded::Embedded;
use mail::store::Mail;
use mta::authentication::service::Authentication;
use mta::channels::key::Key;
use mta::channels::service::Channels;
use mta::content::conversion::command;
use mta::content::service::Content;
use mta::judge::court::Judge;
use mta::scripts::service::Scripts;
use net::{ClientTls, Resolver};
use storage::{Layout, Partition};

use crate::compose::ground::Ground;
use crate::failure::Failure;
use crate::settings::Settings;

/// What runs when mail is filed.
///
/// # Errors
/// The administrator's scripts cannot be read.
pub fn scripts(settings: &Settings, ground: &Ground, directory: &Embedded, mail: &Mail) -> Result<Scripts, Failure> {
    let folder = settings.sieve.folder.clone().unwrap_or_else(|| settings.server.data.join("sieve"));
    let chosen = mta::scripts::settings::Settings {
        redirects_max: settings.sieve.redirects_max,
        vacation_min: settings.sieve.vacation_min,
        separator: settings.directory.subaddress_separator,
        ..mta::scripts::settings::Settings::new(settings.server.host.clone(), folder)
    };
    let parts = mta::scripts::service::Parts {
        mail: mail.clone(),
        directory: Arc::new(directory.clone()),
        clock: Arc::clone(&ground.clock),
        random: Arc::clone(&ground.random),
    };
    Scripts::new(chosen, parts, &ground.registry)
        .map_err(|error| Failure::failed("cannot read the administrator's Sieve scripts").because(error))
}

/// What is done to the content of mail, with an empty folder for its commands.
///
/// # Errors
/// The folder cannot be made.
pub fn content(settings: &Settings, ground: &Ground) -> Result<Content, Failure> {
    let mut chosen = settings.content.clone();
    // The data folder may have been given on the command line.
    chosen.conversion.scratch = Layout::new(&settings.server.data).run().join("conversion");
    let conversion = &chosen.conversion;
    for warning in &conversion.conversions.warnings {
        tracing::warn!(%warning, "in the conversions file");
    }
    if !conversion.conversions.entries.is_empty() {
        let scratch = conversion.scratch.display();
        command::prepare(&conversion.scratch)
            .map_err(|error| Failure::failed(format!("cannot make the folder {scratch}")).because(error))?;
    }
    Ok(Content::new(chosen, settings.server.host.as_str(), Arc::clone(&ground.random), &ground.registry))
}

/// The channels that the operator named, with the secret that signs what makes a detour.
///
/// # Errors
/// The secret cannot be kept.
pub fn channels(settings: &Settings, ground: &Ground, judge: &Arc<Judge>) -> Result<Channels, Failure> {
    let named = settings.queue.named.channels.clone();
    let data = &settings.server.data;
    let key = match named.iter().any(|channel| channel.detour.is_some()) {
        false => None,
        true => Some(Key::open(data, &*ground.random).map_err(|error| {
            let folder = data.display();
            Failure::failed(format!("cannot keep the secret of detours in {folder}")).because(error)
        })?),
    };
    Ok(Channels::new(named, Some(Arc::clone(judge)), key, &ground.registry))
}

/// Who really sent a message, and how others can tell that we did.
///
/// # Errors
/// What it keeps cannot be read.
pub fn authentication(
    settings: &Settings,
    ground: &Ground,
    resolver: &Arc<dyn Resolver>,
    tls: &ClientTls,
    system: &Partition,
) -> Result<Authentication, Failure> {
    let parts = mta::authentication::service::Parts {
        resolver: Arc::clone(resolver),
        clock: Arc::clone(&ground.clock),
        random: Arc::clone(&ground.random),
        tls: tls.clone(),
        partition: system.clone(),
        data: settings.server.data.clone(),
    };
    Authentication::open(settings.authentication.clone(), parts, &ground.registry)
        .map_err(|error| Failure::failed("cannot set up authentication").because(error))
}
