//! A message that a script causes, as it is written and as it goes into the queue.

use message::edit::Prefix;
use message::{header, transfer, word};
use model::{Address, Domain, Timestamp, TraceId};
use queue::entry::{Channel, NewEntry, Route};
use smtp::envelope::{BodyKind, MailFrom, RcptTo};
use storage::NewBlob;

/// What is written.
pub struct Letter<'a> {
    /// `From:`.
    pub from: String,
    /// `To:`.
    pub to: String,
    /// `Subject:` in plain words.
    pub subject: &'a str,
    /// This host.
    pub host: &'a Domain,
    /// `Date:`.
    pub now: Timestamp,
    /// A random number.
    pub token: u64,
    /// More fields.
    pub fields: Vec<(&'a str, String)>,
    /// What it says.
    pub body: Body<'a>,
}

/// What a letter says.
pub enum Body<'a> {
    /// Plain text.
    Text(&'a str),
    /// A MIME part with its own header (RFC 5230 §4.3).
    Part(&'a str),
    /// A message within the letter, below a text.
    Enclosing(&'a str, &'a [u8]),
}

impl Letter<'_> {
    /// The message with CRLF line ends.
    pub fn write(&self) -> Vec<u8> {
        let mut prefix = Prefix::new();
        prefix
            .field("From", &self.from)
            .field("To", &self.to)
            .field("Subject", &word::encode(self.subject))
            .field("Date", &self.now.rfc5322())
            .field("Message-ID", &format!("<{:016x}.{:x}@{}>", self.token, self.now.0, self.host));
        for (name, value) in &self.fields {
            prefix.field(name, value);
        }
        prefix.field("MIME-Version", "1.0");
        let mut octets = prefix.into_octets();
        match self.body {
            Body::Text(text) => text_part(text, &mut octets),
            Body::Part(part) => {
                let part = lines(part);
                let own = header::fields(part.as_bytes()).filter(|field| {
                    let name = String::from_utf8_lossy(field.name);
                    name.to_ascii_lowercase().starts_with("content-")
                });
                let fields: Vec<u8> = own.flat_map(|field| field.span.of(part.as_bytes()).to_vec()).collect();
                if fields.is_empty() {
                    text_part(&part, &mut octets);
                } else {
                    octets.extend(fields);
                    octets.extend_from_slice(b"\r\n");
                    let begin = header::octets(part.as_bytes());
                    octets.extend_from_slice(part.as_bytes().get(begin..).unwrap_or_default());
                }
            }
            Body::Enclosing(text, message) => {
                let boundary = format!("=_{:016x}", self.token);
                octets.extend(format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n").bytes());
                octets.extend(format!("\r\n--{boundary}\r\n").bytes());
                text_part(text, &mut octets);
                octets.extend(format!("\r\n--{boundary}\r\nContent-Type: message/rfc822\r\n").bytes());
                octets.extend_from_slice(if message.is_ascii() {
                    b"\r\n"
                } else {
                    b"Content-Transfer-Encoding: 8bit\r\n\r\n"
                });
                octets.extend_from_slice(message);
                octets.extend(format!("\r\n--{boundary}--\r\n").bytes());
            }
        }
        octets
    }
}

fn text_part(text: &str, octets: &mut Vec<u8>) {
    let text = lines(text);
    octets.extend_from_slice(b"Content-Type: text/plain; charset=utf-8\r\n");
    octets.extend_from_slice(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    octets.extend_from_slice(&transfer::quoted_printable(text.as_bytes()));
    if !octets.ends_with(b"\r\n") {
        octets.extend_from_slice(b"\r\n");
    }
}

/// The text with CRLF line ends.
fn lines(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    lines.join("\r\n")
}

/// A name with its address as a field holds them.
pub fn mailbox(name: &str, address: &str) -> String {
    let name = name.trim();
    if name.is_empty() {
        return format!("<{address}>");
    }
    if !name.is_ascii() {
        return format!("{} <{address}>", word::encode(name));
    }
    let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{quoted}\" <{address}>")
}

/// The letter in the queue, for these recipients.
pub fn entry(sender: Option<Address>, to: Vec<Address>, octets: Vec<u8>, trace: TraceId) -> NewEntry {
    let mail_from = MailFrom { reverse_path: sender, ..kinds(&octets) };
    let recipients = to.into_iter().map(|address| recipient(address, None)).collect();
    NewEntry::of(mail_from, recipients, NewBlob::new(octets), trace)
}

/// What the envelope must say of these octets.
pub fn kinds(octets: &[u8]) -> MailFrom {
    let head = octets.get(..header::octets(octets)).unwrap_or(octets);
    let body = if octets.is_ascii() { BodyKind::SevenBit } else { BodyKind::EightBitMime };
    MailFrom { body, smtputf8: !head.is_ascii(), ..MailFrom::default() }
}

/// A recipient that is looked up when its turn comes.
pub fn recipient(address: Address, notify: Option<smtp::envelope::Notify>) -> (RcptTo, Route) {
    (RcptTo { address, notify, original: None }, Route::new(Channel::Process, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(body: Body<'_>) -> String {
        let host = "mx.test".parse().unwrap();
        let letter = Letter {
            from: mailbox("A \"b\"", "a@b.test"),
            to: "<c@d.test>".to_owned(),
            subject: "grüße",
            host: &host,
            now: Timestamp(0),
            token: 1,
            fields: vec![("Auto-Submitted", "auto-replied".to_owned())],
            body,
        };
        String::from_utf8(letter.write()).unwrap()
    }

    #[test]
    fn a_text_is_encoded_and_a_part_brings_its_own_header() {
        let text = letter(Body::Text("Ich bin\nweg: ü"));
        assert!(text.starts_with("From: \"A \\\"b\\\"\" <a@b.test>\r\nTo: <c@d.test>\r\nSubject: =?utf-8?"), "{text}");
        assert!(
            text.contains("Auto-Submitted: auto-replied\r\n") && text.ends_with("Ich bin\r\nweg: =C3=BC\r\n"),
            "{text}"
        );
        let part = letter(Body::Part("Content-Type: text/html\nBcc: x@y.test\n\n<b>away</b>\n"));
        assert!(part.ends_with("Content-Type: text/html\r\n\r\n<b>away</b>\r\n") && !part.contains("Bcc"), "{part}");
    }
}
