//! `[tls]`: certificates and versions.

use std::path::PathBuf;

use net::tls::{CertificateFiles, TlsFloor};

use crate::settings::document::Values;
use crate::settings::key::{Effect, Key, Kind};
use crate::settings::problem::Problem;

/// How TLS is spoken.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The oldest version.
    pub floor: TlsFloor,
    /// More authorities to trust when connecting out.
    pub roots: Option<PathBuf>,
    /// The certificates; when there is none, one that vouches for itself is made in the data folder.
    pub certificates: Vec<CertificateFiles>,
}

/// The keys.
pub const KEYS: &[Key] = &[
    Key {
        path: "tls.minimum",
        kind: Kind::Choice(&["1.2", "1.3"]),
        default: "\"1.2\"",
        doc: "The oldest TLS version that listeners speak.",
        example: "\"1.3\"",
        effect: Effect::Restart,
    },
    Key {
        path: "tls.roots",
        kind: Kind::FilePath,
        default: "",
        doc: "A PEM file of certificate authorities to trust when connecting out, besides those of the web.",
        example: "\"/etc/heliograph/authorities.pem\"",
        effect: Effect::Restart,
    },
    Key {
        path: "tls.certificates[].chain",
        kind: Kind::FilePath,
        default: "",
        doc: "A PEM file with a certificate and those that vouch for it, its own first. Without any [[tls.certificates]] \
              a certificate that vouches for itself is made in the data folder, for trying things out.",
        example: "\"/etc/letsencrypt/live/mail.example.org/fullchain.pem\"",
        effect: Effect::Reload,
    },
    Key {
        path: "tls.certificates[].key",
        kind: Kind::FilePath,
        default: "",
        doc: "The PEM file with its private key.",
        example: "\"/etc/letsencrypt/live/mail.example.org/privkey.pem\"",
        effect: Effect::Reload,
    },
    Key {
        path: "tls.certificates[].names",
        kind: Kind::List(&Kind::Text),
        default: "[]",
        doc: "The names by which clients choose it (SNI), *.example.org among them. Empty means the names that stand in \
              it. Clients that ask for no name, or an unknown one, get the first certificate.",
        example: "[\"mail.example.org\"]",
        effect: Effect::Reload,
    },
];

/// Makes what the program runs on.
pub fn make(values: &Values, problems: &mut Vec<Problem>) -> Tls {
    let mut certificates = Vec::new();
    for at in values.each("tls.certificates") {
        let part = |name: &str, problems: &mut Vec<Problem>| {
            let path = format!("{at}.{name}");
            let found = values.path_if_set(&path);
            if found.is_none() {
                problems.push(Problem::with_value(
                    values.position(&path),
                    &path,
                    "must be given: a certificate is a chain and a key",
                ));
            }
            found.unwrap_or_default()
        };
        let chain = part("chain", problems);
        let key = part("key", problems);
        certificates.push(CertificateFiles { chain, key, names: values.texts(&format!("{at}.names")) });
    }
    let floor = if values.text("tls.minimum") == "1.3" { TlsFloor::Tls13 } else { TlsFloor::Tls12 };
    Tls { floor, roots: values.path_if_set("tls.roots"), certificates }
}
