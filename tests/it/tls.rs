//! TLS in front of a simulated vendor, with a certificate of our own.

use std::{net::SocketAddr, sync::Arc};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::runtime;

/// A listener that takes TLS off and passes everything on; it lives as long as the process.
pub struct Front {
    /// Where it listens, on 127.0.0.1.
    pub address: SocketAddr,
    /// Its certificate, which no system trusts.
    pub certificate: String,
}

impl Front {
    /// In front of this address.
    pub fn of(to: SocketAddr) -> Front {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate can be made");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let chain = vec![made.cert.der().clone()];
        runtime().block_on(async {
            let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
            let acceptor = TlsAcceptor::from(Arc::new(config.expect("the key is that of the certificate")));
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("free ports");
            let address = listener.local_addr().expect("it is bound");
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        // A client that does not trust us ends here.
                        let Ok(mut stream) = acceptor.accept(stream).await else { return };
                        let Ok(mut service) = TcpStream::connect(to).await else { return };
                        let _ = tokio::io::copy_bidirectional(&mut stream, &mut service).await;
                    });
                }
            });
            Front { address, certificate: made.cert.pem() }
        })
    }
}
