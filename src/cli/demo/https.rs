//! TLS in front of the simulated farm: a RAS farm is spoken to by https only, and has a certificate that ends one day.

use std::{net::SocketAddr, sync::Arc};

use jiff::{ToSpan, Zoned};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// How long the certificate holds: as long as those that are renewed by themselves mostly do.
const DAYS: i64 = 90;

/// A listener on loopback that takes TLS off and passes everything on, until it is dropped.
pub struct Https {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its certificate (PEM), made for this run, which no system trusts.
    pub certificate: String,
    accepting: JoinHandle<()>,
}

impl Https {
    /// In front of this service, on a free port.
    pub async fn before(service: SocketAddr) -> Result<Https, Box<dyn std::error::Error>> {
        let (certificate, chain, key) = certificate()?;
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(async move {
            loop {
                // Out of descriptors or the like: the next one may work.
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                };
                tokio::spawn(pass_on(acceptor.clone(), stream, service));
            }
        });
        Ok(Https { address, certificate, accepting })
    }

    /// `https://127.0.0.1:40123`
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A client that does not trust the certificate ends here, and whoever hangs up early gets no more.
async fn pass_on(acceptor: TlsAcceptor, stream: TcpStream, service: SocketAddr) {
    let Ok(mut client) = acceptor.accept(stream).await else { return };
    let Ok(mut service) = TcpStream::connect(service).await else { return };
    let _ = tokio::io::copy_bidirectional(&mut client, &mut service).await;
}

type Made = (String, Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A certificate for loopback that signs itself, from yesterday on.
fn certificate() -> Result<Made, Box<dyn std::error::Error>> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
    let date = |days: i64| -> Result<_, Box<dyn std::error::Error>> {
        let date = Zoned::now().checked_add(days.days())?.date();
        Ok(rcgen::date_time_ymd(date.year().into(), date.month().try_into()?, date.day().try_into()?))
    };
    (params.not_before, params.not_after) = (date(-1)?, date(DAYS)?);
    params.serial_number = Some(u64::from(std::process::id()).into());
    let made = params.self_signed(&key)?;
    let secret = PrivatePkcs8KeyDer::from(key.serialize_der());
    Ok((made.pem(), vec![made.der().clone()], secret.into()))
}
