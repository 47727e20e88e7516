//! Which parts of the program run, and which protocols belong to which part.

/// A part of the program that can run alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes and delivers mail.
    Mta,
    /// Serves mailboxes.
    Access,
    /// Counts for others.
    Meter,
    /// Greylists for others.
    Greylist,
}

impl Role {
    /// All names.
    pub const NAMES: &'static [&'static str] = &["mta", "access", "meter", "greylist"];

    /// The role of this name.
    pub fn from_name(name: &str) -> Option<Role> {
        [Role::Mta, Role::Access, Role::Meter, Role::Greylist].into_iter().find(|role| role.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Role::Mta => "mta",
            Role::Access => "access",
            Role::Meter => "meter",
            Role::Greylist => "greylist",
        }
    }
}

/// How a listener uses TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsChoice {
    /// Not at all.
    Never,
    /// When the client asks for it.
    OnRequest,
    /// From the first octet.
    Implicit,
}

/// What a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Mail from the world (RFC 5321).
    Smtp,
    /// Mail from our users (RFC 6409).
    Submission,
    /// The same under TLS from the first octet (RFC 8314).
    Submissions,
    /// Mail from another server of ours (RFC 2033).
    Lmtp,
    /// Mailboxes (RFC 9051).
    Imap,
    /// The same under TLS from the first octet.
    Imaps,
    /// One mailbox, simply (RFC 1939).
    Pop3,
    /// The same under TLS from the first octet.
    Pop3s,
    /// People's scripts (RFC 5804).
    ManageSieve,
    /// The meter's own protocol.
    Meter,
    /// Postfix's policy delegation.
    Policy,
    /// A milter for other mail servers.
    Milter,
    /// Datagrams of Sun's mail server.
    Gross,
    /// The other node of the greylister.
    GreylistPeer,
    /// What our domains publish on the web (RFC 8461 §3.3).
    Https,
    /// Metrics and health over HTTP.
    Admin,
}

/// One row of the table of protocols.
struct Row {
    protocol: Protocol,
    name: &'static str,
    role: Option<Role>,
    tls: TlsChoice,
    standard: Option<&'static str>,
    demo_port: u16,
}

const TABLE: &[Row] = &[
    row(Protocol::Smtp, "smtp", Some(Role::Mta), TlsChoice::OnRequest, Some("*:25"), 2525),
    row(Protocol::Submission, "submission", Some(Role::Mta), TlsChoice::OnRequest, Some("*:587"), 2587),
    row(Protocol::Submissions, "submissions", Some(Role::Mta), TlsChoice::Implicit, Some("*:465"), 2465),
    row(Protocol::Lmtp, "lmtp", Some(Role::Mta), TlsChoice::OnRequest, None, 2424),
    row(Protocol::Imap, "imap", Some(Role::Access), TlsChoice::OnRequest, Some("*:143"), 2143),
    row(Protocol::Imaps, "imaps", Some(Role::Access), TlsChoice::Implicit, Some("*:993"), 2993),
    row(Protocol::Pop3, "pop3", Some(Role::Access), TlsChoice::OnRequest, Some("*:110"), 2110),
    row(Protocol::Pop3s, "pop3s", Some(Role::Access), TlsChoice::Implicit, Some("*:995"), 2995),
    row(Protocol::ManageSieve, "managesieve", Some(Role::Access), TlsChoice::OnRequest, Some("*:4190"), 2419),
    row(Protocol::Meter, "meter", Some(Role::Meter), TlsChoice::Never, None, 2638),
    row(Protocol::Policy, "policy", None, TlsChoice::Never, None, 2639),
    row(Protocol::Milter, "milter", Some(Role::Greylist), TlsChoice::Never, None, 2640),
    row(Protocol::Gross, "gross", Some(Role::Greylist), TlsChoice::Never, None, 2641),
    row(Protocol::GreylistPeer, "greylist-peer", Some(Role::Greylist), TlsChoice::Never, None, 2642),
    row(Protocol::Https, "https", Some(Role::Mta), TlsChoice::Implicit, None, 2443),
    row(Protocol::Admin, "admin", None, TlsChoice::Never, Some("127.0.0.1:8025"), 2080),
];

const fn row(
    protocol: Protocol,
    name: &'static str,
    role: Option<Role>,
    tls: TlsChoice,
    standard: Option<&'static str>,
    demo_port: u16,
) -> Row {
    Row { protocol, name, role, tls, standard, demo_port }
}

impl Protocol {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Protocol; 16] = [
        Protocol::Smtp,
        Protocol::Submission,
        Protocol::Submissions,
        Protocol::Lmtp,
        Protocol::Imap,
        Protocol::Imaps,
        Protocol::Pop3,
        Protocol::Pop3s,
        Protocol::ManageSieve,
        Protocol::Meter,
        Protocol::Policy,
        Protocol::Milter,
        Protocol::Gross,
        Protocol::GreylistPeer,
        Protocol::Https,
        Protocol::Admin,
    ];

    /// All names.
    pub const NAMES: &'static [&'static str] = &[
        "smtp",
        "submission",
        "submissions",
        "lmtp",
        "imap",
        "imaps",
        "pop3",
        "pop3s",
        "managesieve",
        "meter",
        "policy",
        "milter",
        "gross",
        "greylist-peer",
        "https",
        "admin",
    ];

    fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.protocol == self).expect("each protocol has a row, as a test holds")
    }

    /// The protocol of this name.
    pub fn from_name(name: &str) -> Option<Protocol> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.protocol)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The part of the program that speaks it; `None` for what always runs.
    pub fn role(self) -> Option<Role> {
        self.row().role
    }

    /// How it uses TLS unless told otherwise.
    pub fn usual_tls(self) -> TlsChoice {
        self.row().tls
    }

    /// Whether TLS can start in the middle of it.
    pub fn can_start_tls(self) -> bool {
        let is_implicit = matches!(self, Protocol::Submissions | Protocol::Imaps | Protocol::Pop3s | Protocol::Https);
        !is_implicit && !self.is_for_servers() && self != Protocol::Admin
    }

    /// Whether other servers speak it, who know no TLS: nobody needs it unless there are such servers.
    pub fn is_for_servers(self) -> bool {
        matches!(self, Protocol::Meter | Protocol::Policy | Protocol::Milter | Protocol::Gross | Protocol::GreylistPeer)
    }

    /// Whether it is spoken in datagrams and not over connections.
    pub fn is_datagrams(self) -> bool {
        self == Protocol::Gross
    }

    /// Whether it is spoken over a Unix socket, too.
    pub fn can_be_unix(self) -> bool {
        matches!(self, Protocol::Lmtp | Protocol::Policy | Protocol::Milter)
    }

    /// Where it is listened on when the settings name no listeners at all.
    pub fn standard_address(self) -> Option<&'static str> {
        self.row().standard
    }

    /// Its port in the demo.
    pub fn demo_port(self) -> u16 {
        self.row().demo_port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_and_role_has_its_name() {
        for (protocol, name) in Protocol::ALL.iter().zip(Protocol::NAMES) {
            assert_eq!(protocol.name(), *name);
            assert_eq!(Protocol::from_name(name), Some(*protocol));
        }
        assert_eq!(TABLE.len(), Protocol::ALL.len());
        for name in Role::NAMES {
            assert_eq!(Role::from_name(name).map(Role::name), Some(*name));
        }
    }
}
