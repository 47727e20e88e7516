//! Which door serves which protocol.

use std::sync::Arc;

use access::imap;
use access::managesieve;
use access::pop3;
use mta::authentication::published::Published;
use mta::inbound;
use mta::inbound::service::Parts;
use mta::scripts::imap_event::ImapEvents;
use net::http::Web;
use net::http::administration::Administration;
use net::{Door, ListenAddress};
use smtp::server::Kind;
use storage::Partition;

use crate::compose::Services;
use crate::roles::Protocol;
use crate::serve::listening::Served;
use crate::serve::manner::Manner;
use crate::serve::running::Running;
use crate::serve::server_doors::ServerDoors;
use crate::settings::Settings;
use crate::settings::sections::listeners::Answers;

/// The doors, made once and shared by all listeners of a protocol.
pub struct Doors {
    administration: Arc<dyn Door>,
    smtp: Arc<dyn Door>,
    submission: Arc<dyn Door>,
    submissions: Arc<dyn Door>,
    lmtp: Arc<dyn Door>,
    imap: Arc<dyn Door>,
    pop3: Arc<dyn Door>,
    managesieve: Arc<dyn Door>,
    /// Nothing when there is nothing to show.
    web: Option<Arc<dyn Door>>,
    for_servers: ServerDoors,
}

impl Doors {
    /// Makes them.
    pub fn new(settings: &Settings, services: &Services, running: &Arc<Running>, manner: Manner) -> Doors {
        let plain_login_on_loopback = manner == Manner::Demo;
        let host = settings.server.host.to_string();
        let mail = |kind, listener| {
            Arc::new(inbound_service(settings, services, kind, listener, plain_login_on_loopback)) as Arc<dyn Door>
        };
        let imap = imap::settings::Settings {
            append_octets_max: settings.smtp.message_octets,
            memory_octets_max: settings.imap.memory_octets,
            idle_timeout: settings.imap.idle_timeout,
            login_timeout: settings.imap.login_timeout,
            progress_every: settings.imap.progress_every,
            failed_logins_max: settings.imap.failed_logins_max,
            offences_max: settings.imap.offences_max,
            plain_login_on_loopback,
            sieve_url: sieve_url(settings),
            ..imap::settings::Settings::new(&host)
        };
        let parts = imap::service::Parts {
            directory: Arc::new(services.directory.clone()),
            logins: services.logins.clone(),
            mail: services.mail.clone(),
            clock: Arc::clone(&services.clock),
            witness: Some(Arc::new(ImapEvents::new(Arc::clone(&services.scripts), services.queue.clone()))),
        };
        let imap = imap::service::Service::new(imap, parts, &services.registry);
        let pop3 = pop3::settings::Settings {
            idle_timeout: settings.pop3.idle_timeout,
            login_timeout: settings.pop3.login_timeout,
            failed_logins_max: settings.pop3.failed_logins_max,
            offences_max: settings.pop3.offences_max,
            plain_login_on_loopback,
            ..pop3::settings::Settings::new(&host)
        };
        let pop3 = pop3::Service::new(pop3, services.logins.clone(), services.mail.clone(), &services.registry);
        Doors {
            managesieve: scripts_door(settings, services, plain_login_on_loopback),
            administration: administration(services, running),
            web: published(settings, services),
            smtp: mail(Kind::Smtp, "smtp"),
            submission: mail(Kind::Submission, "submission"),
            submissions: mail(Kind::Submission, "submissions"),
            lmtp: mail(Kind::Lmtp, "lmtp"),
            imap: Arc::new(imap),
            pop3: Arc::new(pop3),
            for_servers: ServerDoors::new(
                settings,
                services.metering.clone(),
                services.greylisting.clone(),
                &services.random,
                &services.registry,
            ),
        }
    }

    /// Who serves a protocol; `None` when the settings leave it shut.
    pub fn of(&self, protocol: Protocol, answers: Answers) -> Option<Served> {
        Some(Served::Stream(Arc::clone(match protocol {
            Protocol::Smtp => &self.smtp,
            Protocol::Submission => &self.submission,
            Protocol::Submissions => &self.submissions,
            Protocol::Lmtp => &self.lmtp,
            Protocol::Pop3 | Protocol::Pop3s => &self.pop3,
            Protocol::Imap | Protocol::Imaps => &self.imap,
            Protocol::ManageSieve => &self.managesieve,
            Protocol::Admin => &self.administration,
            Protocol::Https => self.web.as_ref()?,
            Protocol::Meter | Protocol::Policy | Protocol::Milter | Protocol::Gross | Protocol::GreylistPeer => {
                return self.for_servers.of(protocol, answers);
            }
        })))
    }
}

/// The sessions of one kind of listener.
pub fn inbound_service(
    settings: &Settings,
    services: &Services,
    kind: Kind,
    listener: &str,
    plain_login_on_loopback: bool,
) -> inbound::service::Service {
    let host = settings.smtp.host.as_ref().unwrap_or(&settings.server.host).to_string();
    let door = inbound::settings::Settings {
        banner: settings.smtp.banner.clone(),
        banner_addition: settings.smtp.banner_addition.clone(),
        greeting_delay: settings.smtp.greeting_delay,
        early_talkers: settings.smtp.early_talkers,
        watches_loopback: settings.smtp.watches_loopback,
        message_octets_max: settings.smtp.message_octets,
        spool_octets_max: settings.smtp.spool_octets,
        recipients_max: settings.smtp.recipients_max,
        errors_max: settings.smtp.errors_max,
        hops_max: settings.smtp.hops_max,
        hold_max: settings.smtp.hold_max,
        plain_login_on_loopback,
        ..inbound::settings::Settings::new(&host)
    };
    let parts = Parts {
        directory: Arc::new(services.directory.clone()),
        logins: services.logins.clone(),
        mail: services.mail.clone(),
        scripts: Arc::clone(&services.scripts),
        queue: services.queue.clone(),
        rates: Arc::clone(&services.metering.rates),
        greylist: services.greylisting.of(kind),
        content: Arc::clone(&services.content),
        channels: Arc::clone(&services.channels),
        filters: services.filters.clone(),
        rules: settings.queue.rules.clone(),
        clock: Arc::clone(&services.clock),
        authentication: Arc::clone(&services.authentication),
        judge: Arc::clone(&services.judge),
    };
    inbound::service::Service::new(kind, listener, door, parts, &services.registry)
}

/// Where people keep the scripts of their mailboxes, if they can (RFC 6785 §2.1, RFC 5804 §3): the port is told where it is
/// not the usual one.
fn sieve_url(settings: &Settings) -> Option<String> {
    let listener = settings.listeners.iter().find(|listener| listener.protocol == Protocol::ManageSieve)?;
    let host = &settings.server.host;
    Some(match &listener.address {
        ListenAddress::Ip(address) if !matches!(address.port(), 0 | 4190) => {
            format!("sieve://{host}:{}", address.port())
        }
        _ => format!("sieve://{host}"),
    })
}

fn scripts_door(settings: &Settings, services: &Services, plain_login_on_loopback: bool) -> Arc<dyn Door> {
    let host = settings.server.host.to_string();
    let chosen = managesieve::settings::Settings {
        redirects_max: settings.sieve.redirects_max,
        script_octets_max: settings.sieve.script_octets_max,
        idle_timeout: settings.sieve.idle_timeout,
        login_timeout: settings.sieve.login_timeout,
        failed_logins_max: settings.sieve.failed_logins_max,
        offences_max: settings.sieve.offences_max,
        plain_login_on_loopback,
        ..managesieve::settings::Settings::new(&host, mta::scripts::settings::user_extensions())
    };
    let (logins, mail) = (services.logins.clone(), services.mail.clone());
    Arc::new(managesieve::Service::new(chosen, logins, mail, &services.registry))
}

fn administration(services: &Services, running: &Arc<Running>) -> Arc<dyn Door> {
    let (running, store) = (Arc::clone(running), services.store.clone());
    let readiness = Arc::new(move || {
        let starting = running.since().is_none().then(|| "starting".to_owned());
        let partitions = std::iter::once(("system", &store.system)).chain(store.partitions.iter());
        starting.into_iter().chain(partitions.filter_map(|(name, partition)| unfit(name, partition))).collect()
    });
    Arc::new(Web::new(Administration::new(services.registry.clone(), readiness)))
}

/// What our domains hand out about their mail.
fn published(settings: &Settings, services: &Services) -> Option<Arc<dyn Door>> {
    let policy = settings.authentication.publish.clone()?;
    Some(Arc::new(Web::new(Published::new(policy, Arc::new(services.directory.clone())))))
}

/// Why a partition cannot take what comes.
fn unfit(name: &str, partition: &Partition) -> Option<String> {
    let status = partition.status();
    match status.stopped {
        Some(why) => Some(format!("partition {name} stopped: {why}")),
        None if status.is_full => Some(format!("partition {name}: the disk is full")),
        None => None,
    }
}
