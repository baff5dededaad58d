//! NUT servers that are none, or not good ones.

use cake_host::ups::{LINE_MAX, ProtocolError, Session, SessionError, Target, VARIABLES_MAX};
use cake_types::{UpsFlag, UpsProblem};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Says so much to whoever connects, and then waits until they go.
async fn server(says: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(&says).await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    port
}

async fn read(says: impl Into<Vec<u8>>) -> Result<cake_host::ups::Told, SessionError> {
    let port = server(says.into()).await;
    Session::open(&Target { host: "127.0.0.1", port, ups: "rack" }, None).await?.read().await
}

#[tokio::test]
async fn what_a_server_says_is_read_or_refused() {
    let told = read("BEGIN LIST VAR rack\r\nVAR rack ups.status \"OB LB\"\r\nEND LIST VAR rack\r\n").await.unwrap();
    assert_eq!(told.flags, [UpsFlag::OnBattery, UpsFlag::LowBattery]);

    let many = "VAR rack x \"y\"\n".repeat(VARIABLES_MAX + 1);
    for (says, problem) in [
        (format!("BEGIN LIST VAR rack\n{many}").into_bytes(), UpsProblem::Garbled),
        (vec![b'x'; LINE_MAX * 3], UpsProblem::Garbled),
        (b"HTTP/1.1 400 Bad Request\n".to_vec(), UpsProblem::Garbled),
        (b"BEGIN LIST VAR rack\nBEGIN LIST VAR rack\n".to_vec(), UpsProblem::Garbled),
        (b"BEGIN LIST VAR rack\nEND LIST VAR rack\n".to_vec(), UpsProblem::Stale),
        (b"ERR DATA-STALE\n".to_vec(), UpsProblem::Stale),
        (b"ERR UNKNOWN-UPS\nBEGIN LIST UPS\nUPS a \"\"\nEND LIST UPS\n".to_vec(), UpsProblem::Unknown),
    ] {
        let error = read(says).await.expect_err("it is refused");
        assert_eq!(error.problem(), problem, "{error:?}");
    }
    let error = read(b"ERR UNKNOWN-UPS\nBEGIN LIST UPS\nUPS a \"\"\nUPS b \"\"\nEND LIST UPS\n".to_vec()).await;
    assert_eq!(error.expect_err("no such name").offered(), ["a", "b"]);
    let error = read(vec![b'x'; LINE_MAX * 3]).await.expect_err("a line without an end");
    assert!(matches!(error, SessionError::Protocol(ProtocolError::TooLong)), "{error:?}");
}

/// Who says nothing, or nobody at all, is given up.
#[tokio::test]
async fn silence_is_an_answer_too() {
    assert_eq!(read("").await.expect_err("nothing came").problem(), UpsProblem::Unreachable);
    let target = Target { host: "127.0.0.1", port: 1, ups: "rack" };
    assert_eq!(Session::open(&target, None).await.err().map(|error| error.problem()), Some(UpsProblem::Unreachable));
}
