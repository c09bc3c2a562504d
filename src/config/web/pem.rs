//! Certificates and keys, each inline or from a file. What they hold is never quoted.

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::ReadFiles;
use crate::{
    config::read::{Item, Section},
    file,
};

/// Longest file of certificates or of a key.
const MAX_BYTES: usize = 4 << 20;

/// A setting that was given, and what it holds.
pub(super) struct Pem<'a> {
    /// Where it stands.
    pub item: Item<'a>,
    bytes: Vec<u8>,
    /// The file, where it is one.
    source: String,
}

/// What became of a pair of settings, one with the text and one with a file.
pub(super) enum Given<'a> {
    Nothing,
    /// It was told what is wrong.
    Broken,
    Pem(Pem<'a>),
}

/// A setting that is there and not blank.
pub(super) fn filled<'a>(section: &Section<'a>, key: &'static str) -> Option<Item<'a>> {
    section.get(key).filter(|item| item.scalar().is_none_or(|text| !text.is_empty()))
}

/// The PEM text of `inline`, or of the file that `file` names.
pub(super) fn given<'a>(
    section: &Section<'a>,
    inline: &'static str,
    file: &'static str,
    files: &ReadFiles,
) -> Given<'a> {
    match (filled(section, inline), filled(section, file)) {
        (None, None) => Given::Nothing,
        (Some(_), Some(item)) => {
            item.error(format!("{inline} and {file} are both given; take one of them out"));
            Given::Broken
        }
        (Some(item), None) => match item.text() {
            Some(text) => Given::Pem(Pem { item, bytes: text.into_bytes(), source: String::new() }),
            None => Given::Broken,
        },
        (None, Some(item)) => {
            let Some(path) = item.path() else { return Given::Broken };
            match files.read(&path, MAX_BYTES) {
                Ok(bytes) => {
                    Given::Pem(Pem { item, bytes: file::text::unmarked(bytes), source: format!("{} ", path.display()) })
                }
                Err(message) => {
                    item.error(message);
                    Given::Broken
                }
            }
        }
    }
}

impl Pem<'_> {
    /// One or more certificates.
    pub fn certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        let good = |der: &CertificateDer<'_>| X509Certificate::from_der(der).is_ok();
        let found = read.ok().filter(|found| !found.is_empty() && found.iter().all(good));
        if found.is_none() {
            self.item.error(format!("{}holds no certificate in PEM form", self.source));
        }
        found
    }

    /// A private key.
    pub fn private_key(&self) -> Option<PrivateKeyDer<'static>> {
        let key = PrivateKeyDer::from_pem_slice(&self.bytes).ok();
        if key.is_none() {
            self.item.error(format!("{}holds no unencrypted private key in PEM form", self.source));
        }
        key
    }
}
