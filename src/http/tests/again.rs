//! A connection that the server has closed: which requests are sent once more.

use std::sync::Mutex;

use tokio::io::AsyncReadExt;

use super::*;
use crate::config::secret::SecretText;

/// What a server does with the requests of a connection, one after the other.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Answer,
    /// Reads the request and closes.
    Close,
    /// Reads it and resets the connection.
    Reset,
    /// Sends a byte of an answer and closes.
    Byte,
}

/// A server that does this on its connections, the last ones as often as they come; and the heads of the requests.
fn server(connections: &'static [&'static [Act]]) -> (Server, Arc<Mutex<Vec<String>>>) {
    let (seen, count) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
    let heads = Arc::clone(&seen);
    let server = Server::tcp(move |mut stream: TcpStream| {
        let number = count.fetch_add(1, Ordering::Relaxed).min(connections.len() - 1);
        let heads = Arc::clone(&heads);
        async move {
            for act in connections[number] {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).await? == 0 {
                        return Ok(());
                    }
                    head.extend(byte);
                }
                heads.lock().expect("no panic").push(String::from_utf8_lossy(&head).into_owned());
                match act {
                    Act::Answer => stream.write_all(&answer("", b"[1]")).await?,
                    Act::Close => return Ok(()),
                    Act::Reset => {
                        #[allow(deprecated)]
                        stream.set_linger(Some(Duration::ZERO))?;
                        return Ok(());
                    }
                    Act::Byte => return stream.write_all(b"H").await,
                }
            }
            until_closed(&mut stream).await
        }
    });
    (server, seen)
}

fn client(server: &Server, settings: &Http) -> (Client, Url) {
    let url: Url = server.url().parse().expect("a URL");
    (Client::with(settings, &url, CAP, None).expect("no file is needed"), url)
}

async fn sent(call: Call) -> Option<Reason> {
    call.send(Instant::now() + LONG).await.err().map(|failure| failure.reason)
}

#[tokio::test]
async fn a_get_on_a_connection_that_was_closed_is_sent_once_more_on_a_new_one() {
    const WAYS: [&[&[Act]]; 3] = [
        &[&[Act::Answer, Act::Close], &[Act::Answer]],
        &[&[Act::Answer, Act::Reset], &[Act::Answer]],
        &[&[Act::Close], &[Act::Answer]],
    ];
    for connections in WAYS {
        let (server, seen) = server(connections);
        let (client, url) = client(&server, &Http::default());
        let token = SecretText::new("t0ken");
        for _ in 0..connections[0].len() {
            assert_eq!(sent(client.get("agents", url.clone()).bearer(&token)).await, None, "{connections:?}");
        }
        let seen = seen.lock().expect("no panic").clone();
        assert_eq!(seen.len(), connections[0].len() + 1, "{connections:?}: {seen:?}");
        assert!(seen.iter().all(|head| *head == seen[0]), "{seen:?}");
        let counts = client.stats().counts();
        let codes: Vec<_> = counts.requests.iter().map(|((_, code), count)| (*code, *count)).collect();
        assert_eq!(codes, [(200, connections[0].len() as u64)], "what was sent again is one request");
    }
}

#[tokio::test]
async fn once_more_is_once() {
    let (server, seen) = server(&[&[Act::Close]]);
    let (client, url) = client(&server, &Http::default());
    assert_eq!(sent(client.get("agents", url)).await, Some(Reason::Connect));
    assert_eq!(seen.lock().expect("no panic").len(), 2);
}

/// A call, the settings of its client, how often it is sent, and how it is made.
type Row<'a> = (&'static str, &'a Http, usize, &'a dyn Fn(Client, Url) -> Call);

#[tokio::test]
async fn nothing_is_sent_again_that_was_answered_changes_something_or_carries_a_password() {
    let basic = Http {
        headers: vec![("Authorization".to_owned(), SecretText::new("Basic bWU6cGFzc3dvcmQ="))],
        ..Http::default()
    };
    let other = Http { headers: vec![("X-Key".to_owned(), SecretText::new("Basic"))], ..Http::default() };
    let password = SecretText::new("password");
    let rows: [Row<'_>; 7] = [
        ("a POST", &other, 1, &|client, url| client.request("list", Method::POST, url)),
        ("a body", &other, 1, &|client, url| client.request("list", Method::POST, url).body("text/xml", "<a/>")),
        ("a password in the body", &other, 1, &|client, url| client.get("logon", url).secret_body("text/plain", "pw")),
        ("a password in Basic", &other, 1, &|client, url| client.get("client", url).basic("monitor", &password)),
        ("a password in the configuration", &basic, 1, &|client, url| client.get("client", url)),
        ("a token in Basic", &other, 2, &|client, url| client.get("pools", url).basic_token(&password)),
        ("a plain GET", &other, 2, &|client, url| client.get("client", url)),
    ];
    for (what, settings, times, call) in rows {
        let (server, seen) = server(&[&[Act::Close], &[Act::Answer]]);
        let (client, url) = client(&server, settings);
        let reason = sent(call(client, url)).await;
        assert_eq!((seen.lock().expect("no panic").len(), reason.is_some()), (times, times == 1), "{what}: {reason:?}");
    }
    let (server, seen) = server(&[&[Act::Byte], &[Act::Answer]]);
    let (client, url) = client(&server, &Http::default());
    assert_eq!(sent(client.get("agents", url)).await, Some(Reason::Connect));
    assert_eq!(seen.lock().expect("no panic").len(), 1, "an answer had begun");
}
