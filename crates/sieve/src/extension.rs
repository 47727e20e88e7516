//! The extensions that `require` can name.

/// One extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is named like its capability string, and the table beside it names the standard")]
pub enum Extension {
    Body,
    ComparatorNumeric,
    ComparatorUnicode,
    ComparatorBasic,
    Copy,
    Date,
    Duplicate,
    EditHeader,
    Enclose,
    EncodedCharacter,
    Notify,
    Envelope,
    Environment,
    ExternalReject,
    ExternalLists,
    ExtractText,
    Fcc,
    FileInto,
    ForEveryPart,
    Ihave,
    ImapFlags,
    ImapSieve,
    Include,
    Index,
    Mailbox,
    MailboxId,
    MailboxMetadata,
    Mime,
    RedirectDeliverBy,
    RedirectDsn,
    Regex,
    Reject,
    Relational,
    Replace,
    ServerMetadata,
    SpamTest,
    SpamTestPlus,
    SpecialUse,
    Subaddress,
    System,
    Vacation,
    VacationSeconds,
    Variables,
    VirusTest,
}

/// Every extension with its capability string and the standard that defines it. `i;octet` and `i;ascii-casemap` are
/// always there and may be required all the same (RFC 5228 §2.7.3).
pub const EXTENSIONS: &[(Extension, &str, &str)] = &[
    (Extension::Body, "body", "RFC 5173"),
    (Extension::ComparatorNumeric, "comparator-i;ascii-numeric", "RFC 4790"),
    (Extension::ComparatorUnicode, "comparator-i;unicode-casemap", "RFC 5051"),
    (Extension::ComparatorBasic, "comparator-i;ascii-casemap", "RFC 5228"),
    (Extension::ComparatorBasic, "comparator-i;octet", "RFC 5228"),
    (Extension::Copy, "copy", "RFC 3894"),
    (Extension::Date, "date", "RFC 5260"),
    (Extension::Duplicate, "duplicate", "RFC 7352"),
    (Extension::EditHeader, "editheader", "RFC 5293"),
    (Extension::Enclose, "enclose", "RFC 5703"),
    (Extension::EncodedCharacter, "encoded-character", "RFC 5228"),
    (Extension::Notify, "enotify", "RFC 5435"),
    (Extension::Envelope, "envelope", "RFC 5228"),
    (Extension::Environment, "environment", "RFC 5183"),
    (Extension::ExternalReject, "ereject", "RFC 5429"),
    (Extension::ExternalLists, "extlists", "RFC 6134"),
    (Extension::ExtractText, "extracttext", "RFC 5703"),
    (Extension::Fcc, "fcc", "RFC 8580"),
    (Extension::FileInto, "fileinto", "RFC 5228"),
    (Extension::ForEveryPart, "foreverypart", "RFC 5703"),
    (Extension::Ihave, "ihave", "RFC 5463"),
    (Extension::ImapFlags, "imap4flags", "RFC 5232"),
    (Extension::ImapSieve, "imapsieve", "RFC 6785"),
    (Extension::Include, "include", "RFC 6609"),
    (Extension::Index, "index", "RFC 5260"),
    (Extension::Mailbox, "mailbox", "RFC 5490"),
    (Extension::MailboxId, "mailboxid", "RFC 9042"),
    (Extension::MailboxMetadata, "mboxmetadata", "RFC 5490"),
    (Extension::Mime, "mime", "RFC 5703"),
    (Extension::RedirectDeliverBy, "redirect-deliverby", "RFC 6009"),
    (Extension::RedirectDsn, "redirect-dsn", "RFC 6009"),
    (Extension::Regex, "regex", "draft-ietf-sieve-regex"),
    (Extension::Reject, "reject", "RFC 5429"),
    (Extension::Relational, "relational", "RFC 5231"),
    (Extension::Replace, "replace", "RFC 5703"),
    (Extension::ServerMetadata, "servermetadata", "RFC 5490"),
    (Extension::SpamTest, "spamtest", "RFC 5235"),
    (Extension::SpamTestPlus, "spamtestplus", "RFC 5235"),
    (Extension::SpecialUse, "special-use", "RFC 8579"),
    (Extension::Subaddress, "subaddress", "RFC 5233"),
    (Extension::System, "vnd.heliograph.system", "vendor"),
    (Extension::Vacation, "vacation", "RFC 5230"),
    (Extension::VacationSeconds, "vacation-seconds", "RFC 6131"),
    (Extension::Variables, "variables", "RFC 5229"),
    (Extension::VirusTest, "virustest", "RFC 5235"),
];

impl Extension {
    /// The extension of a capability string.
    pub fn named(name: &str) -> Option<Extension> {
        EXTENSIONS.iter().find(|(_, known, _)| *known == name).map(|(extension, ..)| *extension)
    }

    /// Its capability string.
    pub fn name(self) -> &'static str {
        EXTENSIONS.iter().find(|(extension, ..)| *extension == self).map_or("", |(_, name, _)| name)
    }

    /// Whether it changes what the strings of a script mean, so that no `ihave` may bring it in (RFC 5463 §4).
    pub(crate) fn changes_strings(self) -> bool {
        matches!(self, Extension::EncodedCharacter | Extension::Variables)
    }

    /// What it brings along: RFC 6131 §2, RFC 5235 §3.3.
    fn implied(self) -> Option<Extension> {
        match self {
            Extension::VacationSeconds => Some(Extension::Vacation),
            Extension::SpamTestPlus => Some(Extension::SpamTest),
            _ => None,
        }
    }
}

/// A set of extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions(u64);

impl Extensions {
    /// What a user's script may use: everything that changes nothing but the user's own mail.
    pub fn for_users() -> Extensions {
        let mut all = Extensions::for_administrators();
        all.remove(Extension::System);
        all.remove(Extension::ImapSieve);
        all
    }

    /// What a user's script may use that an IMAP command runs (RFC 6785 §4).
    pub fn for_users_of_imap() -> Extensions {
        let mut all = Extensions::for_users();
        all.add(Extension::ImapSieve);
        all
    }

    /// Everything.
    pub fn for_administrators() -> Extensions {
        EXTENSIONS.iter().fold(Extensions::default(), |mut all, (extension, ..)| {
            all.add(*extension);
            all
        })
    }

    /// Adds one, with what it brings along.
    pub fn add(&mut self, extension: Extension) {
        self.0 |= 1 << extension as u8;
        if let Some(implied) = extension.implied() {
            self.add(implied);
        }
    }

    /// Takes one out.
    pub fn remove(&mut self, extension: Extension) {
        self.0 &= !(1 << extension as u8);
    }

    /// Whether it is in.
    pub fn has(self, extension: Extension) -> bool {
        self.0 & (1 << extension as u8) != 0
    }

    /// The capability strings of all that are in, as ManageSieve announces them.
    pub fn names(self) -> Vec<&'static str> {
        EXTENSIONS.iter().filter(|(extension, ..)| self.has(*extension)).map(|(_, name, _)| *name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for (extension, name, _) in EXTENSIONS {
            assert_eq!(Extension::named(name), Some(*extension));
        }
        assert!((Extension::VirusTest as u8) < 64);
    }

    #[test]
    fn sets_hold_what_is_implied() {
        let mut set = Extensions::default();
        set.add(Extension::VacationSeconds);
        assert_eq!(set.names(), ["vacation", "vacation-seconds"]);
        assert!(!Extensions::for_users().has(Extension::System));
        assert!(!Extensions::for_users().has(Extension::ImapSieve));
        assert!(Extensions::for_users_of_imap().has(Extension::ImapSieve));
    }
}
