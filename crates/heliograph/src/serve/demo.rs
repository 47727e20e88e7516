//! `heliograph demo`: a complete server on loopback, with a domain, two users and an administrator, made when it is not
//! there and kept when it is.
//!
//! Everything lies in one folder: `heliograph.toml` with the ports, `demo.json` with the accounts for programs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use directory::embedded::{AccountChange, Embedded, NewAccount};
use directory::entry::Role;
use directory::password::Credentials;
use directory::transfer::role_named;
use net::ListenAddress;
use serde::{Deserialize, Serialize};

use crate::compose::{certificates, private};
use crate::context::Context;
use crate::failure::Failure;
use crate::logging;
use crate::roles::Protocol;
use crate::serve;
use crate::serve::manner::Manner;
use crate::serve::running::Running;
use crate::serve::{Bound, runtime};
use crate::settings::Settings;
use crate::settings::edit;
use crate::terminal::print;

/// `demo.json`: what a program needs to know to use the demo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// What listens where.
    pub listeners: Vec<DescribedListener>,
    /// Alice, Bob and the administrator, in this order.
    pub accounts: Vec<DescribedAccount>,
    /// The certificate to trust.
    pub certificate: PathBuf,
}

/// A listener of the demo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescribedListener {
    /// What it speaks.
    pub protocol: String,
    /// Where.
    pub address: String,
}

/// An account of the demo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescribedAccount {
    /// Its address, which is also its name to log in.
    pub address: String,
    /// Its password.
    pub password: String,
    /// Its roles.
    pub roles: Vec<String>,
}

/// The demo's domain.
const DOMAIN: &str = "example.test";

/// Runs the demo.
///
/// # Errors
/// Why it could not start.
pub fn run(context: &Context, any_port: bool) -> Result<(), Failure> {
    let data = context.data.clone().unwrap_or_else(|| PathBuf::from("demo-data"));
    let data = std::path::absolute(&data).unwrap_or(data);
    let file = prepare(&data)?;
    let mut settings = Settings::load(&file)?;
    if any_port {
        settings.listeners.iter_mut().for_each(|listener| {
            if let ListenAddress::Ip(address) = &mut listener.address {
                address.set_port(0);
            }
        });
    }
    logging::start(&settings.log)?;
    let running = Running::new(file.clone(), settings);
    runtime(&running.settings())?.block_on(serve::run(Arc::clone(&running), Manner::Demo, |bound| {
        announce(bound, &data, &file)?;
        running.file_was_rewritten();
        Ok(())
    }))
}

/// Makes the folder and its settings file, unless they are there.
fn prepare(data: &Path) -> Result<PathBuf, Failure> {
    let file = data.join("heliograph.toml");
    if !file.exists() {
        std::fs::create_dir_all(data)
            .map_err(|error| Failure::failed(format!("cannot make the folder {}", data.display())).because(error))?;
        private::write_private(&file, &settings_text())
            .map_err(|error| Failure::failed(format!("cannot write {}", file.display())).because(error))?;
    }
    Ok(file)
}

fn settings_text() -> String {
    let mut text = format!(
        "# Settings of the demo, made by `heliograph demo`. Change what you like; the ports are kept here.\n\n\
         [server]\nhost = \"mail.{DOMAIN}\"\ndata = \".\"\nshutdown_grace = \"5s\"\n"
    );
    // What other servers speak is of use where there are such: a demo is alone.
    // And nothing is published on the web unless the settings say what.
    let is_of_use = |protocol: &Protocol| !protocol.is_for_servers() && *protocol != Protocol::Https;
    for protocol in Protocol::ALL.into_iter().filter(is_of_use) {
        let (name, port) = (protocol.name(), protocol.demo_port());
        let _infallible = write!(text, "\n[[listeners]]\nprotocol = \"{name}\"\naddress = \"127.0.0.1:{port}\"\n");
    }
    text.push_str("\n[[listeners]]\nprotocol = \"lmtp\"\naddress = \"unix:run/lmtp.sock\"\n");
    text
}

/// Writes the ports and accounts down and tells a person what to do with them.
fn announce(bound: &Bound<'_>, data: &Path, file: &Path) -> Result<(), Failure> {
    keep_ports(bound, file)?;
    let path = data.join("demo.json");
    let old: Description =
        std::fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let accounts = if old.accounts.is_empty() { make_accounts(bound)? } else { old.accounts };
    let certificate = match bound.settings.tls.certificates.first() {
        Some(files) => files.chain.clone(),
        None => certificates::own_certificate(bound.settings)?.chain,
    };
    let listeners = bound
        .listeners
        .iter()
        .map(|listener| DescribedListener {
            protocol: listener.name().to_owned(),
            address: listener.address().to_string(),
        })
        .collect();
    let description = Description { listeners, accounts, certificate };
    let text = serde_json::to_string_pretty(&description)
        .map_err(|error| Failure::failed("cannot write the demo's description").because(error))?;
    private::write_private(&path, &(text + "\n"))
        .map_err(|error| Failure::failed(format!("cannot write {}", path.display())).because(error))?;
    print(&invitation(&description, data))
}

/// Writes the ports that were taken into the settings file, so that the next start takes the same.
fn keep_ports(bound: &Bound<'_>, file: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("cannot read {}", file.display())).because(error);
    let old = std::fs::read_to_string(file).map_err(failed)?;
    let mut text = old.clone();
    for (index, listener) in bound.listeners.iter().enumerate() {
        let wanted = bound.settings.listeners.get(index).map(|listener| &listener.address);
        if wanted != Some(listener.address()) {
            text = edit::set(file, &text, &format!("listeners[{index}].address"), &listener.address().to_string())?;
        }
    }
    if text == old { Ok(()) } else { edit::replace(file, &text) }
}

/// Accounts with fresh passwords, in the directory and as `demo.json` tells them.
fn make_accounts(bound: &Bound<'_>) -> Result<Vec<DescribedAccount>, Failure> {
    let account = |name: &str, role: &str| DescribedAccount {
        address: format!("{name}@{DOMAIN}"),
        password: format!("{:016x}", bound.services.random.u64()),
        roles: vec![role.to_owned()],
    };
    let accounts = vec![account("alice", "user"), account("bob", "user"), account("admin", "administrator")];
    let directory = bound.services.directory.clone();
    let partition = bound.settings.storage.default_partition.clone();
    let made = accounts.clone();
    let making = async move {
        // A start that ended between the accounts and demo.json left a domain whose passwords nobody knows.
        match directory.add_domain(&parse(DOMAIN)?, None).await {
            Ok(()) | Err(directory::error::Error::Taken { .. }) => {}
            Err(error) => return Err(Failure::failed("cannot make the demo's domain").because(error)),
        }
        for account in made {
            make_account(&directory, &account, &partition).await?;
        }
        Ok(())
    };
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(making))?;
    Ok(accounts)
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure::failed(format!("{text} is no address")))
}

async fn make_account(directory: &Embedded, account: &DescribedAccount, partition: &str) -> Result<(), Failure> {
    let failed =
        |error: directory::error::Error| Failure::failed(format!("cannot make {}", account.address)).because(error);
    let address: model::Address = parse(&account.address)?;
    let credentials = Credentials::new(&account.password, directory.settings().password_cost).map_err(failed)?;
    let roles: Vec<Role> = account.roles.iter().filter_map(|role| role_named(role)).collect();
    let new = NewAccount {
        address: address.clone(),
        name: String::new(),
        credentials: Some(credentials.clone()),
        roles,
        quota_octets: None,
        quota_messages: None,
        partition: partition.to_owned(),
    };
    match directory.add_account(new).await {
        Err(directory::error::Error::Taken { .. }) => {
            let change = AccountChange { credentials: Some(credentials), ..AccountChange::default() };
            directory.change_account(&address, change).await.map_err(failed)?;
        }
        other => drop(other.map_err(failed)?),
    }
    Ok(())
}

/// What a person reads.
fn invitation(description: &Description, data: &Path) -> String {
    let address = |protocol: &str| {
        let found = description.listeners.iter().find(|listener| listener.protocol == protocol);
        found.map(|listener| listener.address.clone()).unwrap_or_default()
    };
    let [alice, bob, ..] = description.accounts.as_slice() else { return String::new() };
    let mut text = String::from("\naccounts:\n");
    for DescribedAccount { address, password, roles } in &description.accounts {
        let _infallible = writeln!(text, "  {address:<20} {password}  ({})", roles.join(", "));
    }
    let (submission, imap) = (address("submission"), address("imap"));
    let certificate = description.certificate.display();
    let _infallible = write!(
        text,
        "\nsend a message from Bob to Alice:\n  \
         printf 'From: {bob}\\r\\nTo: {alice}\\r\\nSubject: hello\\r\\n\\r\\nHello, Alice.\\r\\n' | \
         curl -sS --ssl-reqd --cacert {certificate} --user {bob}:{password} --mail-from {bob} --mail-rcpt {alice} \
         --upload-file - smtp://{submission}\n\
         \nread it over IMAP:\n  \
         curl -sS --ssl-reqd --cacert {certificate} --user {alice}:{alice_password} \
         'imap://{imap}/INBOX;UID=*'\n\
         \nsee the queue:\n  \
         {program} --data {data} queue summarize\n\n",
        bob = bob.address,
        alice = alice.address,
        password = bob.password,
        alice_password = alice.password,
        program = program(),
        data = data.display(),
    );
    text
}

/// How this program was called.
fn program() -> String {
    std::env::args_os().next().map_or_else(|| "heliograph".to_owned(), |name| name.to_string_lossy().into_owned())
}
