//! What the tests of Rollcall rely on.

use super::*;

async fn ask(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.expect("it listens");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text, and then the end");
    answer
}

#[tokio::test]
async fn requests_on_one_connection_are_answered_and_recorded_one_by_one() {
    let server = Server::http(|request| Response::new(200, "text/plain", request.path().to_owned()));
    let first = "POST /a?b=c HTTP/1.1\r\nX-Key: One\r\ncontent-length: 4\r\n\r\nbody";
    let answer = ask(&server, &format!("{first}GET /d HTTP/1.1\r\nconnection: close\r\n\r\n")).await;
    let head = "HTTP/1.1 200 Status\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\n";
    assert_eq!(answer, format!("{head}/a{head}/d"));
    let requests = server.take();
    assert_eq!(requests.iter().map(|request| &*request.line).collect::<Vec<_>>(), ["POST /a?b=c", "GET /d"]);
    assert_eq!((requests[0].method(), requests[0].header("x-key"), &*requests[0].body), ("POST", "One", &b"body"[..]));
    assert_eq!(requests[0].text(), first);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn raw_bytes_are_sent_as_they_are_before_the_connection_is_closed() {
    let server = Server::http(|_| Response::raw("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{"));
    assert_eq!(ask(&server, "GET / HTTP/1.1\r\n\r\n").await, "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{");
}

#[tokio::test]
async fn a_request_that_is_broken_off_is_neither_answered_nor_recorded() {
    let server = Server::http(|_| Response::status(200));
    let mut stream = TcpStream::connect(server.address()).await.expect("it listens");
    stream.write_all(b"POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\nbod").await.expect("it reads");
    stream.shutdown().await.expect("it is open");
    assert_eq!(stream.read_to_end(&mut Vec::new()).await.expect("the end"), 0);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_dropped_server_closes_its_port_and_the_connections_that_hang() {
    let server = Server::http(|_| Response::silence());
    let address = server.address();
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("it reads");
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(server);
    assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn a_hijacked_connection_belongs_to_the_handler() {
    let server = Server::hijack(|request, mut stream| async move {
        stream.write_all(&request.head).await?;
        stream.shutdown().await
    });
    let request = "GET /a HTTP/1.1\r\nhost: b\r\n\r\n";
    assert_eq!(ask(&server, request).await, request);
    assert_eq!(server.requests().len(), 1);
}
