//! TLS in front of a simulated vendor, with a certificate of our own.

use std::{net::SocketAddr, sync::Arc};

use rollcall_test_server::Server;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::support::on_runtime;

/// A server that takes TLS off and passes everything on, until it is dropped.
pub struct TlsProxy {
    _server: Server,
    /// Where it listens, on 127.0.0.1.
    pub address: SocketAddr,
    /// Its certificate, which no system trusts.
    pub certificate: String,
}

impl TlsProxy {
    /// In front of this address.
    pub fn of(to: SocketAddr) -> TlsProxy {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate can be made");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let chain = vec![made.cert.der().clone()];
        let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
        let acceptor = TlsAcceptor::from(Arc::new(config.expect("the key is that of the certificate")));
        let server = on_runtime(|| {
            Server::tcp(move |stream| {
                let accepting = acceptor.accept(stream);
                async move {
                    // A client that does not trust us ends here.
                    let mut stream = accepting.await?;
                    let mut service = TcpStream::connect(to).await?;
                    tokio::io::copy_bidirectional(&mut stream, &mut service).await.map(|_| ())
                }
            })
        });
        TlsProxy { address: server.address(), certificate: made.cert.pem(), _server: server }
    }
}
