//! Server-sent events (HTML Living Standard §9.2.6), as a plain function over bytes.

/// One event of the stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub event: String,
    pub id: Option<String>,
    pub data: String,
}

/// Longest event that is kept; a server that sends more is not ours.
const LONGEST: usize = 16 << 20;

/// Puts chunks together to events.
#[derive(Debug, Default)]
pub struct Parser {
    rest: Vec<u8>,
    next: Message,
    any: bool,
}

/// The stream is not one of events.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is larger than 16 MiB")]
pub struct TooLong;

impl Parser {
    /// Takes a chunk, gives the events that are complete now.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<Vec<Message>, TooLong> {
        self.rest.extend_from_slice(chunk);
        let mut out = Vec::new();
        let mut start = 0;
        while let Some(end) = self.rest[start..].iter().position(|b| *b == b'\n') {
            let line = String::from_utf8_lossy(&self.rest[start..start + end]).into_owned();
            start += end + 1;
            out.extend(self.line(line.trim_end_matches('\r')));
        }
        self.rest.drain(..start);
        if self.rest.len() + self.next.data.len() > LONGEST { Err(TooLong) } else { Ok(out) }
    }

    fn line(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            let message = std::mem::take(&mut self.next);
            return std::mem::take(&mut self.any).then_some(message);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.next.event = value.to_owned(),
            "id" => self.next.id = Some(value.to_owned()),
            "data" => {
                if !self.next.data.is_empty() {
                    self.next.data.push('\n');
                }
                self.next.data.push_str(value);
            }
            // A comment keeps the connection awake; anything else is not for us.
            _ => return None,
        }
        self.any = true;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_may_end_anywhere() {
        let text = b": hello\n\nevent: vm\nid: 7\ndata: {\"a\":\ndata: 1}\r\n\r\ndata: x\n\n";
        for size in 1..text.len() {
            let mut parser = Parser::default();
            let seen: Vec<_> = text.chunks(size).flat_map(|c| parser.feed(c).unwrap()).collect();
            assert_eq!(
                seen,
                [
                    Message { event: "vm".into(), id: Some("7".into()), data: "{\"a\":\n1}".into() },
                    Message { event: String::new(), id: None, data: "x".into() },
                ]
            );
        }
    }

    #[test]
    fn a_stream_without_end_is_refused() {
        let mut parser = Parser::default();
        let chunk = vec![b'a'; 1 << 20];
        let ended = (0..20).map(|_| parser.feed(&chunk)).find(Result::is_err);
        assert_eq!(ended, Some(Err(TooLong)));
    }
}
