//! An authority, and what it issues, for the tests of the port.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;

const MADE: &str = "a certificate can be made";

/// A certificate with its key.
pub struct Issued {
    pub certificate: Certificate,
    key: KeyPair,
}

impl Issued {
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.der().clone()]
    }

    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }
}

/// A folder with the files of a server: `ca.pem`, and `server.crt` with `server.key` for loopback.
pub struct Pki {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    pub authority: Certificate,
}

impl Pki {
    pub fn new() -> Pki {
        let key = KeyPair::generate().expect(MADE);
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, format!("authority {}", key.public_key_pem().len()));
        let authority = params.self_signed(&key).expect(MADE);
        let pki = Pki {
            folder: tempfile::tempdir().expect("the temporary folder can be written"),
            issuer: Issuer::new(params, key),
            authority,
        };
        pki.write("ca.pem", &pki.authority.pem());
        let server = pki.server();
        pki.write("server.crt", &server.certificate.pem());
        pki.write("server.key", &server.key_pem());
        pki
    }

    /// Another certificate for the server.
    pub fn server(&self) -> Issued {
        self.issue(&[dns("localhost")], ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate of the authority.
    pub fn issue(&self, names: &[SanType], purpose: ExtendedKeyUsagePurpose) -> Issued {
        let key = KeyPair::generate().expect(MADE);
        let certificate = params(names, purpose).signed_by(&key, &self.issuer).expect(MADE);
        Issued { certificate, key }
    }

    /// A certificate for a client.
    pub fn client(&self, names: &[SanType]) -> Issued {
        self.issue(names, ExtendedKeyUsagePurpose::ClientAuth)
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file as an editor does: beside it and renamed.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let new = self.file("new");
        std::fs::write(&new, text).expect("it can be written");
        std::fs::rename(&new, self.file(name)).expect("it can be renamed");
        self.file(name)
    }
}

fn params(names: &[SanType], purpose: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names.to_vec();
    params.extended_key_usages = vec![purpose];
    params
}

/// A certificate for a client that signs itself; `as_authority` as `openssl req -x509` makes it.
pub fn self_signed(names: &[SanType], as_authority: bool, expires: i32) -> Issued {
    let key = KeyPair::generate().expect(MADE);
    let mut params = params(names, ExtendedKeyUsagePurpose::ClientAuth);
    params.not_after = date_time_ymd(expires, 1, 1);
    if as_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    Issued { certificate: params.self_signed(&key).expect(MADE), key }
}

pub fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().expect("ASCII"))
}
