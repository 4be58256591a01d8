//! From a core module to a component of the contract.

use anyhow::{Context, Result, bail};
use wit_component::{ComponentEncoder, DecodedWasm, decode};
use wit_parser::WorldItem;

/// The package whose interfaces a guest may import.
const CONTRACT: &str = "oncegate:plugin/";

/// Makes a component of a core module that carries its world, as the SDK's `handler!` writes it, and makes
/// sure that it imports nothing but the contract.
pub fn encode(module: &[u8]) -> Result<Vec<u8>> {
    let component = ComponentEncoder::default().module(module)?.validate(true).encode()?;
    let imports = imports(&component)?;
    match imports.iter().find(|name| !name.starts_with(CONTRACT)) {
        Some(foreign) => bail!("imports `{foreign}`, and a guest may import only `{CONTRACT}…`"),
        None => Ok(component),
    }
}

/// The names of a component's imports, with their versions. Types are not among them: a world names those that
/// its own functions use, and there is nothing behind them to call.
pub fn imports(component: &[u8]) -> Result<Vec<String>> {
    let DecodedWasm::Component(resolve, world) = decode(component)? else { bail!("not a component") };
    let world = resolve.worlds.get(world).context("a component without a world")?;
    let callable = world.imports.iter().filter(|(_, item)| !matches!(item, WorldItem::Type { .. }));
    Ok(callable.map(|(key, _)| resolve.name_world_key(key)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shortest core module: magic number and version.
    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn a_module_without_the_contract_makes_a_component_that_imports_nothing() {
        let component = encode(EMPTY).expect("an empty component is one");
        assert_eq!(imports(&component).expect("decodes"), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_module_or_no_component_is_an_error() {
        assert!(encode(b"not wasm").is_err());
        assert!(imports(b"not wasm").is_err());
    }
}
