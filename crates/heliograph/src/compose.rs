//! From settings to services, from the ground to the roof: straight code, every dependency an argument.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use directory::embedded::Embedded;
use directory::login::Logins;
use events::Bus;
use mail::store::Mail;
use mta::authentication::service::Authentication;
use mta::content::conversion::command;
use mta::content::service::Content;
use mta::filter::service::Filters;
use mta::judge::counters::Counters;
use mta::judge::court::Judge;
use mta::judge::lookups::Outside;
use mta::scripts::service::Scripts;
use net::resolver::system::SystemResolver;
use net::resolver::table::TableResolver;
use net::tls::{CertificateFiles, Certificates, self_signed};
use net::{ClientTls, Clock, Random, Registry, Resolver, ServerTls, SystemClock, SystemRandom, Tlsa};
use queue::queue::Queue;
use storage::{Layout, Options, Partition, Partitions, RealDisk};

use crate::failure::Failure;
use crate::greylisting::Greylisting;
use crate::login_failures::MeteredLogins;
use crate::metering::Metering;
use crate::settings::Settings;

/// The store of a data folder, opened under its locks.
#[derive(Clone)]
pub struct Store {
    /// Where everything lies.
    pub layout: Layout,
    /// Directory and queue.
    pub system: Partition,
    /// Mail.
    pub partitions: Partitions,
}

/// Everything that doors and operator verbs work with.
#[derive(Clone)]
pub struct Services {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Random octets.
    pub random: Arc<dyn Random>,
    /// What is counted.
    pub registry: Registry,
    /// The partitions.
    pub store: Store,
    /// Who there is.
    pub directory: Embedded,
    /// Who may log in.
    pub logins: Logins,
    /// The mailboxes.
    pub mail: Mail,
    /// Where mail for others waits.
    pub queue: Queue,
    /// Who judges whole messages.
    pub filters: Filters,
    /// This server's name.
    pub host: String,
    /// What is counted of whom.
    pub metering: Metering,
    /// What runs when mail is filed.
    pub scripts: Arc<Scripts>,
    /// What is done to the content of mail.
    pub content: Arc<Content>,
    /// Which deliveries have to come again.
    pub greylisting: Greylisting,
    /// Who knows names.
    pub resolver: Arc<dyn Resolver>,
    /// The policy.
    pub judge: Arc<Judge>,
    /// Who really sent a message, and how others can tell that we did.
    pub authentication: Arc<Authentication>,
    /// TLS for those who connect to us.
    pub server_tls: ServerTls,
    /// TLS for those to whom we connect.
    pub client_tls: ClientTls,
}

/// Opens the store of a data folder, making what is not there.
///
/// # Errors
/// The folder cannot be used, or another process has it open (temporary).
pub fn open_store(settings: &Settings) -> Result<Store, Failure> {
    let layout = Layout::new(&settings.server.data);
    for folder in [layout.data().to_owned(), layout.partitions(), layout.run()] {
        make_private(&folder)?;
    }
    let system = open_partition(&layout.system(), settings)?;
    let mut by_nick = BTreeMap::new();
    for nick in nicks(&layout, &settings.storage.default_partition)? {
        let path = layout.partition(&nick).map_err(|error| Failure::failed("cannot open the store").because(error))?;
        by_nick.insert(nick, open_partition(&path, settings)?);
    }
    let partitions = Partitions::new(by_nick, &settings.storage.default_partition)
        .map_err(|error| Failure::failed("cannot open the store").because(error))?;
    Ok(Store { layout, system, partitions })
}

/// The folders in `partitions/`, and the default one in any case.
fn nicks(layout: &Layout, default: &str) -> Result<Vec<String>, Failure> {
    let failed = |error| Failure::failed(format!("cannot read {}", layout.partitions().display())).because(error);
    let mut nicks = vec![default.to_owned()];
    for entry in std::fs::read_dir(layout.partitions()).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if name != default && storage::is_nickname(&name) {
            nicks.push(name);
        }
    }
    Ok(nicks)
}

fn options(settings: &Settings) -> Options {
    Options {
        segment_octets: settings.storage.segment_octets,
        index_cache_octets: settings.storage.index_cache_octets,
        ..Options::default()
    }
}

/// Rebuilds a closed partition from its log; `system` is the one of directory and queue.
///
/// # Errors
/// There is no such partition, somebody has it open, or it cannot be rebuilt.
pub fn repair_partition(
    settings: &Settings,
    name: &str,
    progress: &mut dyn FnMut(storage::CheckProgress),
) -> Result<storage::RepairReport, Failure> {
    let layout = Layout::new(&settings.server.data);
    let path = match name {
        "system" => layout.system(),
        nick => layout.partition(nick).map_err(|error| Failure::usage(error.to_string()))?,
    };
    if !path.is_dir() {
        return Err(Failure::failed(format!("there is no partition {name}: {} is no folder", path.display())));
    }
    Partition::repair(&path, options(settings), Arc::new(RealDisk), progress).map_err(|error| {
        let message = format!("cannot repair the partition {}", path.display());
        let failure = if error.is_temporary() { Failure::temporary(message) } else { Failure::failed(message) };
        failure.because(error)
    })
}

fn open_partition(path: &Path, settings: &Settings) -> Result<Partition, Failure> {
    Partition::open(path, options(settings), Arc::new(RealDisk)).map_err(|error| {
        let message = format!("cannot open the partition {}", path.display());
        let failure = if error.is_temporary() { Failure::temporary(message) } else { Failure::failed(message) };
        failure.because(error)
    })
}

/// Makes a folder that only its owner can look into.
///
/// # Errors
/// It cannot be made.
pub fn make_private(folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| Failure::failed(format!("cannot make the folder {}", folder.display())).because(error))
}

/// Opens and joins everything below the doors. Must be called within tokio.
///
/// # Errors
/// What could not be opened.
pub fn compose(settings: &Settings) -> Result<Services, Failure> {
    let failed = |what: &str, error: net::Error| Failure::failed(what.to_owned()).because(error);
    let certificates = load_certificates(settings)?;
    let server_tls =
        ServerTls::new(certificates, settings.tls.floor).map_err(|error| failed("cannot use TLS", error))?;
    let client_tls = ClientTls::new(settings.tls.roots.as_deref()).map_err(|error| failed("cannot use TLS", error))?;
    let resolver = resolver(settings)?;

    let store = open_store(settings)?;
    let bus = Bus::new();
    store.system.subscribe(Arc::new(bus.clone()));

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let directory = Embedded::new(store.system.clone(), settings.directory.clone())
        .map_err(|error| Failure::failed("cannot open the directory").because(error))?;
    let now = Arc::clone(&clock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let registry = Registry::new();
    let metering = Metering::new(settings, &random, &registry);
    let failures = Arc::new(MeteredLogins(metering.clone()));
    let found_in = Arc::new(directory.clone());
    let logins = Logins::new(failures, found_in, settings.directory.clone(), Arc::new(move || now.now()))
        .map_err(|error| Failure::failed("cannot check logins").because(error))?;
    let mail = Mail::new(store.partitions.clone(), bus.clone(), settings.mail.clone())
        .map_err(|error| Failure::failed("cannot open the mail store").because(error))?;

    let (now, number) = (Arc::clone(&clock), Arc::clone(&random));
    let queue = Queue::open(
        store.system.clone(),
        queue::settings::Settings {
            channels: settings.queue.channels.iter().map(|(name, choice)| (*name, choice.schedule.clone())).collect(),
            messages_max: settings.queue.messages_max,
            return_octets_max: settings.queue.return_octets_max,
            trace_kept: settings.queue.trace_kept,
            fragment_wait: settings.fragment_wait,
            ..queue::settings::Settings::new(settings.server.host.clone())
        },
        Arc::new(move || now.now()),
        Arc::new(move || number.u64()),
    )
    .map_err(|error| Failure::failed("cannot open the queue").because(error))?;

    let filters = Filters::new(settings.filters.clone(), Arc::clone(&resolver), &registry);
    let parts = mta::scripts::service::Parts {
        mail: mail.clone(),
        directory: Arc::new(directory.clone()),
        clock: Arc::clone(&clock),
        random: Arc::clone(&random),
    };
    let scripts = Scripts::new(scripts(settings), parts, &registry)
        .map_err(|error| Failure::failed("cannot read the administrator's Sieve scripts").because(error))?;

    let content = content(settings, &random, &registry)?;
    let asked = (Arc::clone(&resolver), Arc::clone(&clock));
    let greylisting = Greylisting::new(settings, store.layout.data(), asked, &registry);
    let counters = Counters {
        meter: metering.meter.clone(),
        own: Arc::clone(&metering.tables),
        greylist: greylisting.for_rules(),
    };
    let outside = Outside::new(mta::judge::lookups::Parts {
        resolver: Arc::clone(&resolver),
        directory: Arc::new(directory.clone()),
        random: Arc::clone(&random),
        clock: Arc::clone(&clock),
        counters: Some(Arc::new(counters)),
    });
    let judge = Judge::new(settings.policy.compiled(), settings.policy.manner.clone(), Arc::new(outside), &registry);
    let parts = mta::authentication::service::Parts {
        resolver: Arc::clone(&resolver),
        clock: Arc::clone(&clock),
        random: Arc::clone(&random),
        tls: client_tls.clone(),
        partition: store.system.clone(),
        data: settings.server.data.clone(),
    };
    let authentication = Authentication::open(settings.authentication.clone(), parts, &registry)
        .map_err(|error| Failure::failed("cannot set up authentication").because(error))?;

    Ok(Services {
        metering,
        greylisting,
        clock,
        random,
        registry,
        authentication: Arc::new(authentication),
        store,
        directory,
        logins,
        mail,
        queue,
        filters,
        host: settings.server.host.to_string(),
        scripts: Arc::new(scripts),
        content,
        resolver,
        judge: Arc::new(judge),
        server_tls,
        client_tls,
    })
}

/// How scripts are run.
fn scripts(settings: &Settings) -> mta::scripts::settings::Settings {
    let folder = settings.sieve.folder.clone().unwrap_or_else(|| settings.server.data.join("sieve"));
    mta::scripts::settings::Settings {
        redirects_max: settings.sieve.redirects_max,
        vacation_min: settings.sieve.vacation_min,
        separator: settings.directory.subaddress_separator,
        ..mta::scripts::settings::Settings::new(settings.server.host.clone(), folder)
    }
}

/// What is done to the content of mail, with an empty folder for its commands.
fn content(settings: &Settings, random: &Arc<dyn Random>, registry: &Registry) -> Result<Arc<Content>, Failure> {
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
    Ok(Arc::new(Content::new(chosen, settings.server.host.as_str(), Arc::clone(random), registry)))
}

/// The TLSA record of the first certificate as its file is now; none when it cannot be read, which loading it has said
/// already.
pub fn own_tlsa(settings: &Settings) -> Option<Tlsa> {
    let own = settings.server.data.join("tls").join("self-signed.pem");
    let chain = settings.tls.certificates.first().map_or(own, |files| files.chain.clone());
    net::tls::dane::record_of_file(&chain)
}

/// Who knows names. Must be called within tokio.
///
/// # Errors
/// The machine's own settings for names cannot be used.
pub fn resolver(settings: &Settings) -> Result<Arc<dyn Resolver>, Failure> {
    let system = SystemResolver::new(&settings.dns.system)
        .map_err(|error| Failure::failed("cannot ask for names").because(error))?;
    Ok(Arc::new(TableResolver::in_front_of(settings.dns.table.clone(), Arc::new(system))))
}

/// The certificates that the settings name, or one that vouches for itself.
///
/// # Errors
/// Which file cannot be used and why.
pub fn load_certificates(settings: &Settings) -> Result<Certificates, Failure> {
    let own;
    let files = match settings.tls.certificates.as_slice() {
        [] => {
            own = [own_certificate(settings)?];
            &own[..]
        }
        files => files,
    };
    Certificates::load(files).map_err(|error| Failure::failed("cannot use the certificates").because(error))
}

/// The certificate in the data folder that vouches for itself, made when it is not there.
///
/// # Errors
/// That it could not be written.
pub fn own_certificate(settings: &Settings) -> Result<CertificateFiles, Failure> {
    let folder = settings.server.data.join("tls");
    let files =
        CertificateFiles { chain: folder.join("self-signed.pem"), key: folder.join("self-signed.key"), names: vec![] };
    if files.chain.exists() && files.key.exists() {
        return Ok(files);
    }
    let failed =
        |error: std::io::Error| Failure::failed(format!("cannot write into {}", folder.display())).because(error);
    make_private(&folder)?;
    let host = settings.server.host.to_string();
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !settings.server.host.is_literal() && host != "localhost" {
        names.insert(0, host);
    }
    let made =
        self_signed::make(&names).map_err(|error| Failure::failed("cannot make a certificate").because(error))?;
    write_private(&files.key, &made.key_pem).map_err(failed)?;
    std::fs::write(&files.chain, made.certificate_pem).map_err(failed)?;
    Ok(files)
}

/// Writes a file that only its owner can read.
///
/// # Errors
/// Those of the file system.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

impl Store {
    /// Closes all partitions, each at a point from which it opens without replay.
    pub fn close(self) {
        for (_, partition) in self.partitions.iter() {
            partition.clone().close();
        }
        self.system.close();
    }
}
