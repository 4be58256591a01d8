//! Connections: opened to any address in the one way that the options say.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo as _,
    ProtocolVersion, RedisConnectionInfo, RedisError, TlsCertificates,
};

use crate::address::Address;
use crate::failure::{Failure, explained};
use crate::greeting::Unfit;
use crate::{RedisOptions, Secret};

/// Opens connections to the servers of one Redis, or to its sentinels.
#[derive(Debug, Clone)]
pub struct Opener {
    /// All but the address.
    template: ConnectionInfo,
    password: Option<Secret>,
    connect_timeout: Duration,
    reply_timeout: Duration,
}

impl Opener {
    /// To servers.
    pub fn new(options: &RedisOptions) -> Result<Self, Unfit> {
        let mut settings = settings().set_db(options.database().into());
        if let Some(user) = options.user() {
            settings = settings.set_username(user);
        }
        Self::with(options, settings, options.password.clone())
    }

    /// The same to database 0: a node of a cluster has no other one and takes the mere question for an error.
    pub fn of_database_0(&self) -> Self {
        let settings = self.template.redis_settings().clone().set_db(0);
        Self { template: self.template.clone().set_redis_settings(settings), ..self.clone() }
    }

    /// To sentinels: they have no databases and no users, and a password of their own if any.
    pub fn to_sentinels(options: &RedisOptions) -> Result<Self, Unfit> {
        Self::with(options, settings(), options.sentinel_password.clone())
    }

    fn with(
        options: &RedisOptions,
        mut settings: RedisConnectionInfo,
        password: Option<Secret>,
    ) -> Result<Self, Unfit> {
        if let Some(password) = &password {
            settings = settings.set_password(password.reveal());
        }
        let template = template(options)?
            .set_redis_settings(settings)
            // A claim is one small packet, and its answer is waited for.
            .set_tcp_settings(TcpSettings::default().set_nodelay(true));
        Ok(Self {
            template,
            password,
            connect_timeout: options.connect_timeout,
            reply_timeout: options.reply_timeout,
        })
    }

    /// A client of the server at `address`.
    pub fn client(&self, address: &Address) -> Result<Client, Unfit> {
        let (host, port) = (address.host().to_owned(), address.port());
        let addr = match self.template.addr() {
            ConnectionAddr::TcpTls { tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: tls_params.clone() }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        Client::open(self.template.clone().set_addr(addr)).map_err(|error| self.unfit(&error))
    }

    /// How a connection for calls is opened, whose answers have to come within the time-out.
    pub fn config(&self) -> AsyncConnectionConfig {
        self.patient_config(Some(self.reply_timeout))
    }

    /// How a connection is opened whose answers may take as long as this.
    pub fn patient_config(&self, reply_timeout: Option<Duration>) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(reply_timeout)
    }

    /// Opens a connection to `address`. A multiplexed connection never sends anything twice; the library's
    /// connection manager may.
    pub async fn open(
        &self,
        address: &Address,
        config: &AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, Unfit> {
        let connection = self.client(address)?.get_multiplexed_async_connection_with_config(config).await;
        connection.map_err(|error| self.unfit(&error))
    }

    /// What must not be shown.
    pub fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    /// How long an answer may take.
    pub fn reply_timeout(&self) -> Duration {
        self.reply_timeout
    }

    /// How long opening a connection may take.
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// Why a connection could not be opened.
    fn unfit(&self, error: &RedisError) -> Unfit {
        let password = self.password.as_ref();
        if error.kind() == ErrorKind::AuthenticationFailed || error.code() == Some("WRONGPASS") {
            return Unfit::Refused("user or password is wrong".to_owned());
        }
        if error.code() == Some("NOAUTH") {
            return Unfit::Refused(format!("it wants a password ({})", explained(error, password)));
        }
        if is_distrust(error) {
            return Unfit::Refused(format!("no trust over TLS: {}", explained(error, password)));
        }
        match Failure::of(error, password) {
            Failure::Refused(why) => Unfit::Refused(why),
            Failure::Unknown(why)
            | Failure::NotYet(why)
            | Failure::WrongServer(why)
            | Failure::Moved(why) => Unfit::Away(why),
            Failure::NoScript => Unfit::Away(explained(error, password)),
        }
    }
}

fn settings() -> RedisConnectionInfo {
    RedisConnectionInfo::default()
        .set_lib_name("oncegate", env!("CARGO_PKG_VERSION"))
        // What a server says unasked comes over the connection that it concerns.
        .set_protocol(ProtocolVersion::RESP3)
}

/// What connections to all addresses have in common below Redis: TCP, or TLS with its certificates.
fn template(options: &RedisOptions) -> Result<ConnectionInfo, Unfit> {
    let refused = Unfit::Refused;
    // Replaced for each connection.
    let (host, port) = ("localhost".to_owned(), 1);
    if !options.is_tls() {
        if options.ca_file.is_some() {
            return Err(refused("a CA file needs rediss://".to_owned()));
        }
        let addr = ConnectionAddr::Tcp(host, port);
        return addr.into_connection_info().map_err(|error| refused(error.to_string()));
    }
    // Without a provider of cryptography rustls panics. Another part of the process may have chosen one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let root_cert =
        match &options.ca_file {
            Some(path) => Some(std::fs::read(path).map_err(|error| {
                refused(format!("the CA file {} cannot be read: {error}", path.display()))
            })?),
            None => None,
        };
    let addr = ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None };
    let client = Client::build_with_tls(addr, TlsCertificates { client_tls: None, root_cert })
        .map_err(|error| refused(format!("the CA file cannot be used: {error}")))?;
    Ok(client.get_connection_info().clone())
}

/// Whether rustls does not like the server, which is no matter of time. The library wraps what it wraps twice.
fn is_distrust(error: &RedisError) -> bool {
    type Shared = Arc<dyn std::error::Error + Send + Sync>;
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Shared>());
    let io = source.and_then(|source| source.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::InvalidData)
}
