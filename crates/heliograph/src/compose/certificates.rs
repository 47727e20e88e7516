//! Our certificates: those that the settings name, or one that vouches for itself.

use net::Tlsa;
use net::tls::{CertificateFiles, Certificates, self_signed};

use crate::compose::private::{make_private, write_private};
use crate::failure::Failure;
use crate::settings::Settings;

/// The certificates that the settings name, or one that vouches for itself.
///
/// # Errors
/// Which file cannot be used and why.
pub fn load(settings: &Settings) -> Result<Certificates, Failure> {
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

/// The TLSA record of the first certificate as its file is now; none when it cannot be read, which loading it has said
/// already.
pub fn own_tlsa(settings: &Settings) -> Option<Tlsa> {
    let own = settings.server.data.join("tls").join("self-signed.pem");
    let chain = settings.tls.certificates.first().map_or(own, |files| files.chain.clone());
    net::tls::dane::record_of_file(&chain)
}
