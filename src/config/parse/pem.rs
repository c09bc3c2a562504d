//! Certificates and keys: they must be there and be PEM, with or without the byte order mark of an editor. What a file holds is
//! never quoted.

use std::path::{Path, PathBuf};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::{config::read::Item, file};

/// A file of one or more certificates.
pub(super) fn certificates(item: &Item<'_>) -> Option<PathBuf> {
    let path = item.path()?;
    let count = |bytes: &[u8]| {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
        read.is_ok_and(|read| {
            !read.is_empty() && read.iter().all(|der| x509_parser::parse_x509_certificate(der).is_ok())
        })
    };
    check(item, &path, "certificate", count)?;
    Some(path)
}

/// A file with a private key.
pub(super) fn private_key(item: &Item<'_>) -> Option<PathBuf> {
    let path = item.path()?;
    check(item, &path, "unencrypted private key", |bytes| PrivateKeyDer::from_pem_slice(bytes).is_ok())?;
    Some(path)
}

fn check(item: &Item<'_>, path: &Path, what: &str, is_good: impl Fn(&[u8]) -> bool) -> Option<()> {
    match file::read_pem(path) {
        Err(error) => item.error(format!("cannot read {}: {error}", path.display())),
        Ok(bytes) if is_good(&bytes) => return Some(()),
        Ok(_) => item.error(format!("{} holds no {what} in PEM form", path.display())),
    }
    None
}
