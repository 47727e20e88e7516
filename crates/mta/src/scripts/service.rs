//! Whether anything is to be run for a recipient, and scripts ready to run.

use crate::scripts::cache::{Cache, Compiled};
use crate::scripts::decision::Sent;
use crate::scripts::library::{self, Library, Look};
use crate::scripts::settings::{Settings, administrator_extensions, user_extensions};
use crate::scripts::signals::Signals;
use account::owner::Owner;
use directory::directory::Directory;
use directory::entry::Account;
use mail::store::Mail;
use model::{BlobHash, TraceId};
use net::{Clock, Random, Registry, ShutdownToken};
use queue::entry::NewEntry;
use sieve::{Extensions, Script};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Everything that running scripts needs, handed in.
pub struct Parts {
    /// The mailboxes.
    pub mail: Mail,
    /// Who there is.
    pub directory: Arc<dyn Directory>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random numbers.
    pub random: Arc<dyn Random>,
}

/// Scripts where mail is filed; shared by all that file.
pub struct Scripts {
    pub(crate) settings: Settings,
    pub(crate) parts: Parts,
    pub(crate) signals: Signals,
    library: RwLock<(Look, Arc<Library>)>,
    /// By the hash of the text; what does not compile is known, too.
    compiled: Cache<BlobHash>,
    fragments: Cache<String>,
    /// Whether it was told already that the folder cannot be read.
    is_unreadable: AtomicBool,
}

impl Scripts {
    /// Reads the administrator's scripts. Blocks.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn new(settings: Settings, parts: Parts, registry: &Registry) -> std::io::Result<Scripts> {
        let signals = Signals::new(registry);
        let look = library::look(&settings.folder)?;
        let library = library::read(&look)?;
        tell(&signals, &library);
        let (compiled, fragments, is_unreadable) = Default::default();
        let library = RwLock::new((look, Arc::new(library)));
        Ok(Scripts { settings, parts, signals, library, compiled, fragments, is_unreadable })
    }

    /// Whether a script may have to run for an account. `false` is certain, and costs next to nothing.
    pub fn concern(&self, account: &Account, instructions: &[String]) -> bool {
        !instructions.is_empty() || self.parts.mail.may_have_script(account.account_id()) || !self.library().is_idle()
    }

    /// The administrator's scripts as they are now.
    pub fn library(&self) -> Arc<Library> {
        Arc::clone(&self.library.read().unwrap_or_else(PoisonError::into_inner).1)
    }

    /// Tells of messages that scripts send, once it is certain that they do.
    pub fn sent(&self, trace: TraceId, account: &str, outgoing: &[(Sent, NewEntry)]) {
        outgoing.iter().for_each(|(kind, _)| self.signals.sends(trace, account, *kind));
    }

    /// Tells that so many were to have a copy and have none: the message was not taken.
    pub fn not_captured(&self, trace: TraceId, count: usize) {
        for _ in 0..count {
            self.signals.not_done(trace, "", "nobody gets a copy of a message that is refused");
        }
    }

    /// Tells of mailboxes that a script chose and that are not there: the message is in INBOX.
    pub fn missing(&self, trace: TraceId, account: &str, mailboxes: &[String]) {
        for mailbox in mailboxes {
            self.signals.not_done(trace, account, &format!("there is no mailbox {mailbox}; INBOX has the message"));
        }
    }

    /// Looks again and again whether the administrator's scripts have changed.
    pub async fn watch(self: Arc<Scripts>, shutdown: ShutdownToken) {
        while !shutdown.is_draining() {
            tokio::select! {
                () = tokio::time::sleep(self.settings.looked_at_every) => {}
                () = shutdown.draining() => return,
            }
            let scripts = Arc::clone(&self);
            // A task that was given up is no news: the next look tells the same.
            let _ = tokio::task::spawn_blocking(move || scripts.look_again()).await;
        }
    }

    fn look_again(&self) {
        match self.read_again() {
            Ok(()) => self.is_unreadable.store(false, Ordering::Relaxed),
            Err(error) if !self.is_unreadable.swap(true, Ordering::Relaxed) => {
                self.signals.folder_unreadable(&self.settings.folder, &error);
            }
            Err(_) => {}
        }
    }

    fn read_again(&self) -> std::io::Result<()> {
        let look = library::look(&self.settings.folder)?;
        if look == self.library.read().unwrap_or_else(PoisonError::into_inner).0 {
            return Ok(());
        }
        let library = library::read(&look)?;
        tell(&self.signals, &library);
        *self.library.write().unwrap_or_else(PoisonError::into_inner) = (look, Arc::new(library));
        Ok(())
    }

    /// The account's active script, ready to run.
    ///
    /// # Errors
    /// Why there is one and it cannot be run: its name and the reason.
    pub(crate) fn active(&self, owner: &Owner) -> Result<Option<(String, Arc<Script>)>, Unready> {
        let mail = &self.parts.mail;
        let Some(found) = mail.active_script(owner).map_err(Unready::Store)? else { return Ok(None) };
        let name = found.row.name.clone();
        match self.of_account(owner, &found)? {
            Ok(script) => Ok(Some((name, script))),
            Err(reason) => Err(Unready::Unusable { script: name, reason }),
        }
    }

    /// Another script of the account.
    pub(crate) fn personal(&self, owner: &Owner, name: &str) -> Result<Option<Compiled>, Unready> {
        match self.parts.mail.script(owner, name).map_err(Unready::Store)? {
            Some(found) => self.of_account(owner, &found).map(Some),
            None => Ok(None),
        }
    }

    fn of_account(&self, owner: &Owner, found: &mail::scripts::Script) -> Result<Result<Arc<Script>, String>, Unready> {
        let hash = found.row.blob;
        if let Some(known) = self.compiled.get(&hash) {
            return Ok(known);
        }
        let text = self.parts.mail.script_text(owner, found).map_err(Unready::Store)?;
        let compiled = compile(&text, user_extensions());
        self.compiled.keep(hash, text.len(), &compiled);
        Ok(compiled)
    }

    /// Addresses that the scripts of one recipient may send a message on to.
    pub fn redirects_max(&self) -> usize {
        self.settings.redirects_max
    }

    /// A fragment of a filter or of policy.
    pub(crate) fn fragment(&self, text: &str) -> Compiled {
        if let Some(known) = self.fragments.get(text) {
            return known;
        }
        let compiled = compile(text.as_bytes(), administrator_extensions());
        self.fragments.keep(text.to_owned(), text.len(), &compiled);
        compiled
    }
}

/// Why a script could not be had.
#[derive(Debug)]
pub(crate) enum Unready {
    /// The store is away.
    Store(mail::error::Error),
    /// It has a mistake.
    Unusable { script: String, reason: String },
}

fn compile(text: &[u8], allowed: Extensions) -> Compiled {
    sieve::compile(text, allowed).map(Arc::new).map_err(|fault| fault.to_string())
}

fn tell(signals: &Signals, library: &Library) {
    for (script, reason) in &library.unusable {
        signals.unusable(script, reason);
    }
    if !library.is_empty() {
        signals.folder_read(library.len());
    }
}
