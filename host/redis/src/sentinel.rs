//! Redis Sentinels: they know which server is the primary, and name another one after a failover.

use redis::{Value, cmd};

use crate::RedisOptions;
use crate::address::Address;
use crate::greeting::{Unfit, ask, text};
use crate::opener::Opener;

/// The sentinels of one primary.
#[derive(Debug, Clone)]
pub struct Sentinels {
    opener: Opener,
    addresses: Vec<Address>,
    /// What they call the primary.
    name: String,
}

impl Sentinels {
    /// Those that the options name; none if the options name servers.
    pub fn new(options: &RedisOptions) -> Result<Option<Self>, Unfit> {
        let Some(name) = options.sentinel() else { return Ok(None) };
        let opener = Opener::to_sentinels(options)?;
        Ok(Some(Self { opener, addresses: options.seeds().to_vec(), name: name.to_owned() }))
    }

    /// Asks one after the other where the primary is. Whether it is one still has to be asked of itself: a sentinel
    /// that was cut off from the others does not know of a failover.
    pub async fn find(&self) -> Result<Address, Unfit> {
        let (mut reasons, mut away) = (Vec::new(), false);
        for address in &self.addresses {
            match self.ask(address).await {
                Ok(found) => return Ok(found),
                Err(unfit) => {
                    away |= matches!(unfit, Unfit::Away(_));
                    reasons.push(format!("sentinel {address}: {}", unfit.why()));
                }
            }
        }
        let why = format!("no sentinel says where {} is ({})", self.name, reasons.join("; "));
        // One that could not be asked may know.
        Err(if away { Unfit::Away(why) } else { Unfit::Refused(why) })
    }

    async fn ask(&self, address: &Address) -> Result<Address, Unfit> {
        let mut connection = self.opener.open(address, &self.opener.config()).await?;
        let mut question = cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
        let answer = ask(&mut connection, &question, self.opener.password()).await?;
        match answer.map_err(Unfit::Refused)? {
            Value::Nil => Err(Unfit::Refused("it does not know that name".to_owned())),
            Value::Array(values) => named(values)
                .ok_or_else(|| Unfit::Refused("it names something that is no address".to_owned())),
            _ => Err(Unfit::Refused("its answer is no address".to_owned())),
        }
    }
}

fn named(values: Vec<Value>) -> Option<Address> {
    let [host, port] = <[Value; 2]>::try_from(values).ok()?;
    let (host, port) = (text(host), text(port).parse().ok()?);
    (!host.is_empty() && port != 0).then(|| Address::new(&host, port))
}
