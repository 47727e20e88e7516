//! What is done beside the mail: facts written down every few seconds, and reports sent once a day.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mail_auth::report::tlsrpt::TlsReport;
use model::{Address, TraceId};
use net::ShutdownToken;
use net::fetch::Fetcher;
use queue::entry::{Channel, NewEntry, Route, Scores};
use queue::queue::Queue;
use smtp::envelope::{MailFrom, RcptTo};
use storage::NewBlob;

use crate::authentication::facts::{DmarcFact, TlsFact};
use crate::authentication::reports::{self, DAY_SECS, NotSent, Ready, Sender};
use crate::authentication::results::Results;
use crate::authentication::service::Authentication;
use crate::authentication::sign;
use crate::authentication::store::Kind;

/// How often facts are written down.
const WRITE: Duration = Duration::from_secs(10);
/// How often it is looked whether a day is over; hosts that report at the same second every day are unloved.
const LOOK: u32 = 90;
/// Days after which a report that could not be sent is given up.
const DAYS_MAX: u32 = 7;
/// The media type of a TLS report (RFC 8460 §6.4).
const TLS_TYPE: &str = "application/tlsrpt+gzip";

/// With what the address of a web server begins.
const WEB: &str = "https://";

/// A TLS report: who sends it, about which domain.
#[derive(Clone, Copy)]
struct About<'a> {
    sender: Sender<'a>,
    domain: &'a str,
    report: &'a TlsReport,
}

/// Writes and sends until the program ends.
pub async fn run(authentication: Arc<Authentication>, queue: Queue, shutdown: ShutdownToken) {
    let mut looks: u32 = 0;
    while !shutdown.is_draining() {
        tokio::select! {
            () = tokio::time::sleep(WRITE) => {}
            () = shutdown.draining() => {}
        }
        authentication.write_facts().await;
        looks = looks.wrapping_add(1);
        if looks.is_multiple_of(LOOK) && !shutdown.is_draining() {
            let _sent = authentication.send_reports(&queue, authentication.today(), &shutdown).await;
        }
    }
}

impl Authentication {
    /// Days since 1970.
    pub fn today(&self) -> u32 {
        u32::try_from(self.now_secs() / DAY_SECS).unwrap_or(u32::MAX)
    }

    /// Counts what a message came to, for the owner of its author's domain.
    pub(crate) fn count_message(&self, results: &Results, disposition: &str) {
        if self.settings.report_from.is_none() {
            return;
        }
        let Some(fact) = DmarcFact::of(results, disposition) else { return };
        if !self.collector.count(Kind::Dmarc, self.today(), &fact.published.domain, &fact) {
            self.signals.dropped(1, "there are too many different ones");
        }
    }

    /// Counts what a session with a host of a domain came to.
    pub(crate) fn count_session(&self, domain: &str, fact: &TlsFact) {
        if self.settings.report_from.is_some() && !self.collector.count(Kind::Tls, self.today(), domain, fact) {
            self.signals.dropped(1, "there are too many different ones");
        }
    }

    /// Writes down what was counted.
    pub async fn write_facts(&self) {
        let facts = self.collector.take();
        let count = facts.len() as u64;
        if count == 0 {
            return;
        }
        match self.store.add(facts).await {
            Ok(0) => {}
            Ok(left) => self.signals.dropped(left, "there are very many already"),
            Err(error) => self.signals.dropped(count, &error.to_string()),
        }
    }

    /// Sends the reports about days before `before`; says how many went out. What cannot be sent now is tried again, for a
    /// week.
    pub async fn send_reports(&self, queue: &Queue, before: u32, shutdown: &ShutdownToken) -> usize {
        let mut sent = 0;
        for kind in [Kind::Dmarc, Kind::Tls] {
            let due = match tokio::task::block_in_place(|| self.store.due(kind, before)) {
                Ok(due) => due,
                Err(error) => {
                    self.signals.report_not_sent(kind.as_str(), "", &error.to_string());
                    continue;
                }
            };
            for (day, domain) in due {
                if shutdown.is_draining() {
                    return sent;
                }
                let done = match self.send_report(queue, kind, day, &domain, shutdown).await {
                    Ok(to) => {
                        sent += 1;
                        self.signals.report_sent(kind.as_str(), &domain, &to);
                        true
                    }
                    Err(NotSent::Never(why)) => {
                        self.signals.report_not_sent(kind.as_str(), &domain, &why);
                        true
                    }
                    Err(NotSent::Later(why)) => {
                        self.signals.report_not_sent(kind.as_str(), &domain, &why);
                        before.saturating_sub(day) > DAYS_MAX
                    }
                };
                if done {
                    self.told().retain(|(its, about, _)| (*its, about.as_str()) != (day, domain.as_str()));
                }
                if done && let Err(error) = self.store.forget(kind, day, &domain).await {
                    self.signals.report_not_sent(kind.as_str(), &domain, &error.to_string());
                }
            }
        }
        sent
    }

    async fn send_report(
        &self,
        queue: &Queue,
        kind: Kind,
        day: u32,
        domain: &str,
        shutdown: &ShutdownToken,
    ) -> Result<String, NotSent> {
        let never = |why: &str| NotSent::Never(why.to_owned());
        let address = self.settings.report_from.as_ref().ok_or_else(|| never("no reports are to be sent"))?;
        let facts = tokio::task::block_in_place(|| self.store.facts_of(kind, day, domain));
        let (facts, left) = facts.map_err(|error| NotSent::Later(error.to_string()))?;
        if left > 0 {
            self.signals.dropped(left, "one report holds no more");
        }
        let (organisation, host) = (self.settings.organisation.as_str(), self.settings.service.as_str());
        let sender = Sender { address, organisation, host, day };
        let resolver = &*self.parts.resolver;
        if kind == Kind::Dmarc {
            let ready = reports::dmarc_report(resolver, sender, domain, &facts).await?;
            return self.submit(queue, address, ready).await;
        }
        let uris = reports::tls_addresses(resolver, domain).await?;
        if uris.is_empty() {
            return Err(never("nobody asks for it"));
        }
        let report = reports::tls(sender, domain, &facts);
        self.send_tls_report(queue, About { sender, domain, report: &report }, uris, shutdown).await
    }

    /// To each who asks for it: who cannot be reached now gets it later, and the others not again.
    async fn send_tls_report(
        &self,
        queue: &Queue,
        about: About<'_>,
        uris: Vec<String>,
        shutdown: &ShutdownToken,
    ) -> Result<String, NotSent> {
        let About { sender, domain, report } = about;
        let (mut told, mut later) = (Vec::new(), None);
        for uri in uris {
            let name = (sender.day, domain.to_owned(), uri.clone());
            if self.told().contains(&name) {
                told.push(uri);
                continue;
            }
            let sent = match is_web(&uri) {
                true => self.post(&uri, report, shutdown).await,
                false => self.mail(queue, about, &uri).await,
            };
            match sent {
                Ok(()) => {
                    self.told().insert(name);
                    told.push(uri);
                }
                Err(NotSent::Never(why)) => self.signals.report_not_sent(Kind::Tls.as_str(), domain, &why),
                Err(NotSent::Later(why)) => later = Some(why),
            }
        }
        match later {
            Some(why) => Err(NotSent::Later(why)),
            None if told.is_empty() => Err(NotSent::Never("nobody who asks for it can be reached".to_owned())),
            None => Ok(told.join(", ")),
        }
    }

    /// Who has a report of which the rest waits: day, domain, address.
    fn told(&self) -> std::sync::MutexGuard<'_, BTreeSet<(u32, String, String)>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn mail(&self, queue: &Queue, about: About<'_>, uri: &str) -> Result<(), NotSent> {
        let About { sender, domain, report } = about;
        let address = reports::mail_address(uri);
        let address = address.ok_or_else(|| NotSent::Never(format!("`{uri}` is no address that we know")))?;
        let ready = reports::tls_message(sender, domain, report, vec![address]).map_err(NotSent::Never)?;
        self.submit(queue, sender.address, ready).await.map(|_| ())
    }

    /// Into the queue, signed as all mail of ours is.
    async fn submit(&self, queue: &Queue, from: &Address, ready: Ready) -> Result<String, NotSent> {
        let keys = self.keys.active(from.domain.as_str());
        let mut body = sign::sign(keys.iter().map(|key| &**key), &ready.message).map_err(NotSent::Later)?;
        body.extend_from_slice(&ready.message);
        let told = ready.to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let recipients = ready
            .to
            .into_iter()
            .map(|address| (RcptTo { address, notify: None, original: None }, Route::new(Channel::Process, "")));
        let entry = NewEntry {
            mail_from: MailFrom { reverse_path: Some(from.clone()), ..MailFrom::default() },
            recipients: recipients.collect(),
            body: NewBlob::new(body),
            trace: TraceId(self.parts.random.u64()),
            received_from: String::new(),
            authenticated: None,
            scores: Scores::default(),
            instructions: BTreeMap::new(),
        };
        queue.submit(entry).await.map_err(|error| NotSent::Later(error.to_string()))?;
        Ok(told)
    }

    /// Over HTTPS (RFC 8460 §3): anything but 2xx is tried again.
    async fn post(&self, uri: &str, report: &TlsReport, shutdown: &ShutdownToken) -> Result<(), NotSent> {
        let rest = uri.get(WEB.len()..).unwrap_or_default().split('#').next().unwrap_or_default();
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let path = format!("/{}", path.trim_start_matches('/'));
        let body = gzip(report.to_json().as_bytes()).map_err(|error| NotSent::Never(error.to_string()))?;
        let resolver = &*self.parts.resolver;
        let fetcher = Fetcher { resolver, tls: &self.parts.tls, shutdown, trace: TraceId::default() };
        let posted = fetcher.post(host, &path, TLS_TYPE, Bytes::from(body)).await;
        match posted {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
            Ok(answer) => Err(NotSent::Later(format!("{host} answers {}", answer.status))),
            Err(error) => Err(NotSent::Later(error.to_string())),
        }
    }
}

/// Whether a report goes over HTTPS (RFC 3986 §3.1: schemes have no case).
fn is_web(uri: &str) -> bool {
    uri.get(..WEB.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(WEB))
}

fn gzip(octets: &[u8]) -> std::io::Result<Vec<u8>> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(octets)?;
    encoder.finish()
}
