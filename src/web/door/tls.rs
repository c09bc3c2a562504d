//! The server's side of TLS: the terms of a web configuration, and the handshake.

use std::{io, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::Acceptor,
    sign::SingleCertAndKey,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use super::{client_cert::ClientVerifier, transport::HTTP2};
use crate::{
    config::web::TlsSettings,
    web::{listener::Socket, write_timeout::WriteTimeout},
};

/// What somebody is told who speaks HTTP where TLS is expected. A browser and curl show it.
const PLAIN_HTTP: &[u8] = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
    This is an HTTPS server, and the request came by HTTP.\n";

/// Of a request that is not answered, so much is read: to close earlier would take the answer away again.
const MAX_DISCARDED: u64 = 64 * 1024;

/// What rustls needs to know. It keeps the sessions that clients may resume, so a new one forgets them.
pub fn server_config(settings: &TlsSettings, http2: bool) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(CryptoProvider {
        cipher_suites: settings.cipher_suites.clone(),
        kx_groups: settings.curves.clone(),
        ..aws_lc_rs::default_provider()
    });
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(settings.versions)?;
    let builder = match ClientVerifier::new(settings, &provider)? {
        Some(verifier) => builder.with_client_cert_verifier(Arc::new(verifier)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&settings.certificate))));
    config.ignore_client_order = settings.prefer_server_cipher_suites;
    config.alpn_protocols = if http2 { vec![HTTP2.to_vec(), b"http/1.1".to_vec()] } else { vec![b"http/1.1".to_vec()] };
    Ok(Arc::new(config))
}

/// The handshake. Whoever speaks plain HTTP is told so.
pub async fn handshake(mut socket: Socket, config: Arc<ServerConfig>) -> io::Result<TlsStream<WriteTimeout>> {
    let first = socket.read_u8().await?;
    // A method begins with a capital letter, and TLS with 22.
    if first.is_ascii_uppercase() {
        socket.write_all(PLAIN_HTTP).await?;
        socket.shutdown().await?;
        copy(&mut socket.take(MAX_DISCARDED), &mut sink()).await?;
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the client speaks plain HTTP"));
    }
    socket.put_back(first);
    LazyConfigAcceptor::new(Acceptor::default(), WriteTimeout::new(socket)).await?.into_stream(config).await
}
