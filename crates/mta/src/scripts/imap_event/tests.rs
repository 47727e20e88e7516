//! Scripts that IMAP commands run, on the real mail store, directory and queue.

use super::*;
use crate::scripts::service::Parts;
use crate::scripts::settings::{Settings, user_extensions};
use account::owner::Owner;
use directory::directory::Directory;
use directory::embedded::{Embedded, NewAccount};
use events::Bus;
use mail::deliver::{Append, NewMessage};
use mail::scripts::NewScript;
use mail::store::Mail;
use model::{MailboxId, TraceId};
use net::random::Seeded;
use net::{Registry, SystemClock};
use queue::filter::Filter;
use storage::{Partition, Partitions};

const MESSAGE: &str = "From: <carol@far.test>\r\nTo: <alice@b.test>\r\nSubject: hello\r\n\r\nbody\r\n";

struct Ground {
    events: ImapEvents,
    mail: Mail,
    queue: Queue,
    owner: Owner,
}
