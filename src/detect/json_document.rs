//! What a JSON document says of the interface that it belongs to, whatever carries it: a body of
//! HTTP, Server-Sent Events or WebSocket.
//!
//! * JSON-RPC 2.0, <https://www.jsonrpc.org/specification>: the method;
//! * the Model Context Protocol on it, <https://modelcontextprotocol.io/specification/2025-11-25>:
//!   what client and server call themselves (`initialize`), and how many tools there are
//!   (`tools/list`);
//! * agents of A2A, <https://a2a-protocol.org/latest/specification/>: the name on an agent's card, and
//!   the kind of its answer;
//! * the API of `OpenAI`, <https://platform.openai.com/docs/api-reference>: the kind of the object that
//!   answers, the model, and its owner.
//!
//! Members count only where they stand in the document: text that quotes such a document states
//! nothing, and neither does a server that repeats what it was sent.

use memchr::memmem::find;

use crate::detect::formats::json::{JsonEnd, JsonStep, JsonValue, read_json, unescaped};
use crate::detect::statement::Statement;
use crate::evidence::Role;

/// Names that the documents above have; a document without any of them is not read. To search them
/// takes far less time than to read. Where a document is cut, `jsonrpc` may be behind the cut.
const NAMES: [&[u8]; 5] =
    [b"\"jsonrpc\"", b"\"object\"", b"\"skills\"", b"\"serverInfo\"", b"\"inputSchema\""];

/// What the members of a document say.
#[derive(Default)]
struct Members<'a> {
    is_rpc: bool,
    method: Option<&'a [u8]>,
    client: NameAndVersion<'a>,
    /// What `result.serverInfo` says.
    server: NameAndVersion<'a>,
    /// `result.protocolVersion`, a date.
    protocol: Option<&'a [u8]>,
    /// Tools, each with the schema of its input.
    tools: Option<usize>,
    /// `result.kind` of A2A before 1.0, or the only member of `result` since.
    result_kind: Option<&'a [u8]>,
    agent: Option<&'a [u8]>,
    agent_protocol: bool,
    skills: Option<usize>,
    object: Option<&'a [u8]>,
    model: Option<&'a [u8]>,
    item_object: Option<&'a [u8]>,
    owner: Option<&'a [u8]>,
    has_answer: bool,
}

#[derive(Default)]
struct NameAndVersion<'a> {
    name: Option<&'a [u8]>,
    version: Option<&'a [u8]>,
}

impl<'a> Members<'a> {
    fn take(&mut self, steps: &[JsonStep<'a>], value: JsonValue<'a>) {
        use JsonStep::{Item, Key};
        match (steps, value) {
            ([Key(b"jsonrpc")], JsonValue::Text(b"2.0")) => self.is_rpc = true,
            ([Key(b"method")], JsonValue::Text(text)) => self.method = Some(text),
            ([Key(b"params"), Key(b"clientInfo"), Key(key)], JsonValue::Text(text)) => {
                self.client.take(key, text);
            }
            ([Key(b"result"), Key(b"serverInfo"), Key(key)], JsonValue::Text(text)) => {
                self.server.take(key, text);
            }
            ([Key(b"result"), Key(b"protocolVersion")], JsonValue::Text(text)) => {
                self.protocol = Some(text).filter(|text| is_date(text));
            }
            ([Key(b"result"), Key(b"tools")], JsonValue::Array) => self.tools = Some(0),
            ([Key(b"result"), Key(b"tools"), Item(_), Key(b"inputSchema")], JsonValue::Object) => {
                self.tools = self.tools.map(|count| count + 1);
            }
            ([Key(b"result"), Key(b"kind")], JsonValue::Text(kind @ (b"message" | b"task"))) => {
                self.result_kind = Some(kind);
            }
            ([Key(b"result"), Key(kind @ (b"message" | b"task"))], JsonValue::Object) => {
                self.result_kind = Some(kind);
            }
            ([Key(b"name")], JsonValue::Text(text)) => self.agent = Some(text),
            ([Key(b"protocolVersion")], JsonValue::Text(_))
            | ([Key(b"supportedInterfaces")], JsonValue::Array) => self.agent_protocol = true,
            ([Key(b"skills")], JsonValue::Array) => self.skills = Some(0),
            ([Key(b"skills"), Item(_), Key(b"id")], JsonValue::Text(_)) => {
                self.skills = self.skills.map(|count| count + 1);
            }
            ([Key(b"object")], JsonValue::Text(text)) => self.object = Some(text),
            ([Key(b"model")], JsonValue::Text(text)) => self.model = Some(text),
            ([Key(b"data"), Item(0), Key(b"object")], JsonValue::Text(text)) => {
                self.item_object = Some(text);
            }
            ([Key(b"data"), Item(0), Key(b"owned_by")], JsonValue::Text(text)) => {
                self.owner = Some(text);
            }
            ([Key(b"choices" | b"data")], JsonValue::Array) => self.has_answer = true,
            _ => {}
        }
    }

    /// The kind of an answer of `OpenAI`'s API; a list by what it lists.
    fn answer(&self) -> Option<&'a [u8]> {
        match self.object? {
            object @ (b"chat.completion" | b"chat.completion.chunk" | b"text_completion")
                if self.has_answer =>
            {
                Some(object)
            }
            b"list" if self.has_answer => {
                self.item_object.filter(|item| matches!(*item, b"model" | b"embedding"))
            }
            _ => None,
        }
    }
}

impl<'a> NameAndVersion<'a> {
    fn take(&mut self, key: &[u8], text: &'a [u8]) {
        match key {
            b"name" => self.name = Some(text),
            b"version" => self.version = Some(text),
            _ => {}
        }
    }
}

/// States what the document at the offset `at` of the stream says. Documents that belong to none of
/// the interfaces state nothing.
pub(in crate::detect) fn state(statement: &mut Statement<'_>, document: &[u8], at: usize) {
    let begins = document.trim_ascii_start().first() == Some(&b'{');
    if !begins || !NAMES.iter().any(|name| find(document, name).is_some()) {
        return;
    }
    let mut members = Members::default();
    let end = read_json(document, |steps, value| members.take(steps, value));
    if end == JsonEnd::Damaged {
        return;
    }
    members.is_rpc |= end == JsonEnd::Cut;
    state_request(statement, &members, at);
    let answers = members.method.is_none() && statement.read_as == Role::Server;
    if answers && !repeats(statement, document) {
        state_answer(statement, &members, end, at);
    }
}

fn state_request(statement: &mut Statement<'_>, members: &Members<'_>, at: usize) {
    if !members.is_rpc {
        return;
    }
    text(statement, "jsonrpc.method", members.method, at);
    if members.method == Some(b"initialize") && members.client.name.is_some() {
        text(statement, "mcp.client", members.client.name, at);
        text(statement, "mcp.client-version", members.client.version, at);
    }
}

fn state_answer(statement: &mut Statement<'_>, members: &Members<'_>, end: JsonEnd, at: usize) {
    if members.is_rpc {
        if members.server.name.is_some() && members.protocol.is_some() {
            text(statement, "mcp.server", members.server.name, at);
            text(statement, "mcp.server-version", members.server.version, at);
            text(statement, "mcp.protocol", members.protocol, at);
        }
        if let Some(tools) = members.tools {
            statement.fact_text("mcp.tools", counted(tools, end), at);
        }
        text(statement, "a2a.result", members.result_kind, at);
    }
    if members.agent.is_some()
        && members.agent_protocol
        && let Some(skills) = members.skills
    {
        text(statement, "a2a.agent", members.agent, at);
        statement.fact_text("a2a.skills", counted(skills, end), at);
    }
    // An answer in parts says the same in each.
    if let Some(answer) = members.answer()
        && !statement.facts.iter().any(|fact| {
            fact.name.is("openai.object")
                && (fact.exchange, fact.direction) == (statement.exchange, statement.direction)
        })
    {
        text(statement, "openai.object", Some(answer), at);
        text(statement, "openai.model", members.model, at);
        text(statement, "openai.owner", members.owner, at);
    }
}

/// States a string of the document, if it is there.
fn text(statement: &mut Statement<'_>, name: &'static str, raw: Option<&[u8]>, at: usize) {
    if let Some(raw) = raw {
        statement.fact_text(name, unescaped(raw), at);
    }
}

/// A number, which is the least one where the document was cut.
fn counted(count: usize, end: JsonEnd) -> String {
    if end == JsonEnd::Whole { count.to_string() } else { format!("at least {count}") }
}

/// Whether the server repeats what it is sent: this document, or a request that only clients send.
fn repeats(statement: &Statement<'_>, document: &[u8]) -> bool {
    statement.facts.iter().any(|fact| {
        if fact.direction == statement.direction {
            fact.name.is("jsonrpc.method") && fact.value == "initialize"
        } else {
            fact.exchange == statement.exchange
                && fact.name.is("http.request-body")
                && fact.value.as_bytes() == document
        }
    })
}

/// Whether this is a version of the Model Context Protocol: a date, `2025-11-25`.
fn is_date(text: &[u8]) -> bool {
    text.len() == 10
        && text.iter().enumerate().all(|(i, byte)| match i {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Transport;
    use crate::evidence::{Depth, Direction, Fact};
    use crate::flow::Opening;

    const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":
        {"protocolVersion":"2025-06-18","clientInfo":{"name":"chart","version":"1.2"}}}"#;
    const INITIALIZED: &str = r#"{"result":{"protocolVersion":"2025-06-18","capabilities":{},
        "serverInfo":{"name":"ti\"des","version":"4"}},"jsonrpc":"2.0","id":1}"#;

    /// What the documents of client and server state, in one exchange.
    fn stated(client: &[&str], server: &[&str]) -> Vec<String> {
        let opening = Opening::from_payloads(Transport::Tcp, &[b"x"], &[b"y"]);
        let mut facts: Vec<Fact> = Vec::new();
        for (direction, documents) in
            [(Direction::Initiator, client), (Direction::Responder, server)]
        {
            let mut statement = Statement::new(&opening, Depth::Facts, direction, &mut facts);
            statement.exchange = 1;
            for document in documents {
                if direction == Direction::Initiator {
                    statement.fact_untruncated("http.request-body", document.as_bytes(), 0);
                }
                state(&mut statement, document.as_bytes(), 0);
            }
        }
        facts.retain(|fact| !fact.name.is("http.request-body"));
        facts.iter().map(|fact| format!("{} {}", fact.name, fact.value)).collect()
    }

    #[test]
    fn client_and_server_of_mcp_name_themselves() {
        let list = r#"{"jsonrpc":"2.0","id":2,"result":{"tools":[
            {"name":"high","inputSchema":{"type":"object"}},{"name":"low","inputSchema":{}}]}}"#;
        assert_eq!(
            stated(&[INITIALIZE], &[INITIALIZED, list, &list[..list.len() - 5]]),
            [
                "jsonrpc.method initialize",
                "mcp.client chart",
                "mcp.client-version 1.2",
                "mcp.server ti\"des",
                "mcp.server-version 4",
                "mcp.protocol 2025-06-18",
                "mcp.tools 2",
                "mcp.tools at least 2",
            ]
        );
    }

    #[test]
    fn a_cut_document_states_what_stands_before_the_cut() {
        let named = |cut: usize| {
            stated(&[INITIALIZE], &[&INITIALIZED[..cut]])
                .iter()
                .any(|f| f.starts_with("mcp.server "))
        };
        let version = INITIALIZED.find("\"4\"").unwrap();
        assert!(named(version) && !named(INITIALIZED.find("ti\\").unwrap() + 2));
    }

    #[test]
    fn other_json_rpc_is_not_mcp() {
        let ethereum = r#"{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}"#;
        let number = r#"{"jsonrpc":"2.0","id":1,"result":"0x4b7"}"#;
        assert_eq!(stated(&[ethereum], &[number]), ["jsonrpc.method eth_blockNumber"]);
        let server = r#"{"jsonrpc":"2.0","id":1,"result":{"capabilities":{},"serverInfo":{"name":"gopls"}}}"#;
        let client = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":4}}"#;
        assert_eq!(stated(&[client], &[server]), ["jsonrpc.method initialize"]);
        assert_eq!(stated(&[], &[&INITIALIZED.replace("2.0", "1.0")]), [""; 0]);
    }

    #[test]
    fn quotations_and_repetitions_state_nothing_of_the_server() {
        let quoted = serde_json::json!({ "object": "message", "content": INITIALIZED, "a": { "result": 1 } });
        assert_eq!(stated(&[], &[&quoted.to_string()]), [""; 0]);
        let page = format!("<pre>{INITIALIZED}</pre>");
        assert_eq!(stated(&[], &[&page]), [""; 0]);
        let is_of_server =
            |fact: &String| !fact.starts_with("jsonrpc") && !fact.starts_with("mcp.client");
        let echo = |sent: &[&str]| stated(sent, sent).iter().any(is_of_server);
        assert!(!echo(&[INITIALIZE, INITIALIZED]) && !echo(&[INITIALIZED]));
        assert!(!stated(&[INITIALIZED], &[]).iter().any(is_of_server));
    }

    #[test]
    fn answers_of_openai_s_api_and_cards_of_agents_state_what_they_are() {
        let answer = r#"{"id":"chatcmpl-1","choices":[{"message":{"content":"x"}}],"model":"tides",
            "object":"chat.completion"}"#;
        let models = r#"{"object":"list","data":[{"id":"m","object":"model","owned_by":"vllm"}]}"#;
        assert_eq!(
            stated(&[], &[answer, answer]),
            ["openai.object chat.completion", "openai.model tides"]
        );
        assert_eq!(stated(&[], &[models]), ["openai.object model", "openai.owner vllm"]);
        let card =
            r#"{"name":"Tides","protocolVersion":"0.3.0","skills":[{"id":"high"},{"id":"low"}]}"#;
        assert_eq!(stated(&[], &[card]), ["a2a.agent Tides", "a2a.skills 2"]);
        assert_eq!(stated(&[], &[r#"{"name":"Tides","skills":["sail"]}"#]), [""; 0]);
        for other in [r#"{"object":"list","data":[]}"#, r#"{"object":"chat.completion"}"#] {
            assert_eq!(stated(&[], &[other]), [""; 0], "{other}");
        }
    }
}
