//! Connections to the primaries of a Redis for an operator's questions: also to one that no host would work with.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use oncegate_redis::redis::aio::MultiplexedConnection;
use oncegate_redis::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, RedisError, Value, cmd, from_redis_value,
};
use oncegate_redis::{RedisOptions, Secret, Server, explained};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A Redis that was looked for.
#[derive(Debug)]
pub struct Console {
    options: RedisOptions,
    server: Option<Arc<Server>>,
    /// Why a host would not work with it, if it would not.
    pub refused: Option<String>,
}

/// A primary, or whatever there is instead of one.
#[derive(Debug)]
pub struct Node {
    /// Host and port.
    pub address: String,
    /// The slots that it serves; none where there is no cluster.
    pub slots: Vec<RangeInclusive<u16>>,
    connection: MultiplexedConnection,
    password: Option<Secret>,
}

impl Console {
    /// Looks for the primaries. Blocks, so it is done outside of any runtime.
    pub fn find(options: &RedisOptions) -> Self {
        let (server, refused) = match Server::connect(options, &[], None) {
            Ok(server) => (Some(server), None),
            Err(unfit) => (None, Some(unfit.why().to_owned())),
        };
        Self { options: options.clone(), server, refused }
    }

    /// Connects to each of the primaries; to the server itself, where a host would refuse it.
    pub async fn nodes(&self) -> Result<Vec<Node>, String> {
        let Some(server) = &self.server else { return self.refused_node().await };
        let mut nodes = Vec::new();
        for primary in server.primaries().await? {
            let (host, port) =
                primary.address.rsplit_once(':').ok_or("the address of a primary has no port")?;
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let port = port.parse().map_err(|_| "the port of a primary is no number")?;
            nodes.push(self.node(primary.address.clone(), primary.slots, Some((host, port))).await?);
        }
        Ok(nodes)
    }

    /// Whether the sentinels could agree on another primary, in the words of the first of them; none without sentinels.
    pub async fn quorum(&self) -> Option<Result<String, String>> {
        let name = self.options.address().split_once(" of sentinels ").map(|(name, _)| name.to_owned())?;
        let mut options = self.options.clone();
        // The servers' own password is nothing for a sentinel.
        options.password = options.sentinel_password.clone();
        let sentinel = Self { options, server: None, refused: None };
        let asked = async {
            let mut node = sentinel.node("the first sentinel".to_owned(), Vec::new(), None).await?;
            node.ask(cmd("SENTINEL").arg("CKQUORUM").arg(name)).await.map(text)
        };
        Some(asked.await)
    }

    async fn refused_node(&self) -> Result<Vec<Node>, String> {
        let address = self.options.address();
        // Of several hosts none is the one that is meant.
        if address.contains([',', ' ']) {
            return Ok(Vec::new());
        }
        Ok(self.node(address, Vec::new(), None).await.into_iter().collect())
    }

    async fn node(
        &self,
        address: String,
        slots: Vec<RangeInclusive<u16>>,
        at: Option<(String, u16)>,
    ) -> Result<Node, String> {
        let password = self.options.password.clone();
        let why = |error: RedisError| format!("{address}: {}", explained(&error, password.as_ref()));
        let mut client = self.options.client().map_err(|unfit| unfit.why().to_owned())?;
        if let Some((host, port)) = at {
            let info = client.get_connection_info().clone();
            let addr = match info.addr() {
                ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                    ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
                }
                _ => ConnectionAddr::Tcp(host, port),
            };
            client = Client::open(info.set_addr(addr)).map_err(why)?;
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.options.connect_timeout))
            .set_response_timeout(Some(PATIENCE));
        let connection = client.get_multiplexed_async_connection_with_config(&config).await.map_err(why)?;
        Ok(Node { address, slots, connection, password })
    }
}

impl Node {
    /// Asks; the error is in words.
    pub async fn ask(&mut self, command: &Cmd) -> Result<Value, String> {
        let error = match self.connection.send_packed_command(command).await {
            Ok(Value::ServerError(error)) => error.into(),
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        Err(explained(&error, self.password.as_ref()))
    }

    /// The lines `name:value` of INFO, of all sections.
    pub async fn info(&mut self) -> Result<HashMap<String, String>, String> {
        let text = text(self.ask(&cmd("INFO")).await?);
        let line = |line: &str| line.trim_end().split_once(':').map(|(n, v)| (n.to_owned(), v.to_owned()));
        Ok(text.lines().filter_map(line).collect())
    }

    /// A setting; an error, if it may not be asked for, as is usual where somebody else operates the server.
    pub async fn setting(&mut self, name: &str) -> Result<String, String> {
        let value = self.ask(cmd("CONFIG").arg("GET").arg(name)).await?;
        let found: HashMap<String, String> = from_redis_value(value).map_err(|error| error.to_string())?;
        found.get(name).cloned().ok_or_else(|| "the server does not know it".to_owned())
    }

    /// The server's clock, in milliseconds since 1970.
    pub async fn time_ms(&mut self) -> Result<u64, String> {
        let value = self.ask(&cmd("TIME")).await?;
        let (seconds, micros): (u64, u64) = from_redis_value(value).map_err(|error| error.to_string())?;
        Ok(seconds * 1000 + micros / 1000)
    }
}

/// A server's text.
pub fn text(value: Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::VerbatimString { text, .. } => text,
        Value::SimpleString(text) => text,
        _ => String::new(),
    }
}
