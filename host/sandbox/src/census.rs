//! What one instance of a component takes, counted by whoever compiles it, before anything of it is compiled.
//!
//! The instance pool would refuse what it has no room for, in words of its own and only where there is a pool. So this
//! counts first, in the component's binary form, and what could never be instantiated is refused in the same words
//! everywhere. What the count cannot follow it takes for the largest that there is.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ElementItems,
    Encoding, Instance, Parser, Payload,
};

use crate::engine::{CORE_INSTANCES, MEMORIES, TABLES};
use crate::limits::Limits;
use crate::load_error::LoadError;
use crate::unit::Size;

/// Globals, exports and table elements that one handler's instance may consist of, all its core instances together. Each
/// takes up to 32 bytes of the host, which no limit of memory counts.
pub(crate) const ENTRIES: u64 = 1 << 16;
/// Pages of linear memory.
const PAGE_BYTES: u64 = 64 << 10;

/// What one instance of something takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    core_instances: u64,
    memories: u64,
    tables: u64,
    entries: u64,
    /// The largest memory and the largest table at the start.
    memory_bytes: u64,
    elements: u64,
}

/// A module or component whose end has not been reached.
#[derive(Debug, Default)]
struct Open {
    is_module: bool,
    weight: Weight,
    /// What its index spaces hold.
    modules: Vec<Weight>,
    components: Vec<Weight>,
}

/// The count so far.
#[derive(Debug, Default)]
struct Census {
    open: Vec<Open>,
    /// At least as large as any module and any component so far.
    largest: Weight,
    whole: Weight,
}

/// How many bytes a weight takes beside the code that it is of.
pub(crate) const WEIGHT_BYTES: usize = 6 * 8;

/// What one instance of this component takes.
pub(crate) fn count(bytes: &[u8]) -> wasmparser::Result<Weight> {
    let mut census = Census::default();
    for payload in Parser::new(0).parse_all(bytes) {
        census.add(payload?)?;
    }
    Ok(census.whole)
}

impl Weight {
    /// Refuses what could never be instantiated.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), LoadError> {
        self.fits_anywhere()?;
        let too_much = |needed: String, allowed: String| Err(LoadError::TooMuch { needed, allowed });
        if self.memory_bytes > limits.memory_bytes as u64 {
            let needed = Size(usize::try_from(self.memory_bytes).unwrap_or(usize::MAX));
            return too_much(
                format!("{needed} of memory at its start"),
                Size(limits.memory_bytes).to_string(),
            );
        }
        if self.elements > limits.table_elements as u64 {
            let needed = format!("a table of {} elements", self.elements);
            return too_much(needed, limits.table_elements.to_string());
        }
        Ok(())
    }

    /// Refuses what could be instantiated under no limits. It need not be compiled.
    pub(crate) fn fits_anywhere(&self) -> Result<(), LoadError> {
        let counted = [
            (self.core_instances, u64::from(CORE_INSTANCES), "core instances"),
            (self.memories, u64::from(MEMORIES), "memories"),
            (self.tables, u64::from(TABLES), "tables"),
            (self.entries, ENTRIES, "globals, exports and table elements"),
        ];
        let beyond = counted.into_iter().find(|(needed, allowed, _)| needed > allowed);
        let Some((needed, allowed, what)) = beyond else { return Ok(()) };
        Err(LoadError::TooMuch { needed: format!("{needed} {what}"), allowed: allowed.to_string() })
    }

    /// As it lies before its code.
    pub(crate) fn to_bytes(self) -> [u8; WEIGHT_BYTES] {
        let Self { core_instances, memories, tables, entries, memory_bytes, elements } = self;
        let mut bytes = [0; WEIGHT_BYTES];
        let numbers = [core_instances, memories, tables, entries, memory_bytes, elements];
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// The same, read back.
    pub(crate) fn of_bytes(bytes: &[u8; WEIGHT_BYTES]) -> Self {
        let mut numbers = bytes
            .chunks_exact(8)
            .map(|bytes| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)));
        let mut next = || numbers.next().unwrap_or_default();
        Self {
            core_instances: next(),
            memories: next(),
            tables: next(),
            entries: next(),
            memory_bytes: next(),
            elements: next(),
        }
    }

    /// This and another.
    fn plus(self, other: Self) -> Self {
        Self {
            core_instances: self.core_instances.saturating_add(other.core_instances),
            memories: self.memories.saturating_add(other.memories),
            tables: self.tables.saturating_add(other.tables),
            entries: self.entries.saturating_add(other.entries),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            elements: self.elements.max(other.elements),
        }
    }

    /// The larger one in each respect.
    fn or(self, other: Self) -> Self {
        Self {
            core_instances: self.core_instances.max(other.core_instances),
            memories: self.memories.max(other.memories),
            tables: self.tables.max(other.tables),
            entries: self.entries.max(other.entries),
            ..self.plus(other)
        }
    }
}

impl Census {
    fn add(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::Version { encoding, .. } => {
                let is_module = encoding == Encoding::Module;
                let weight = Weight { core_instances: u64::from(is_module), ..Weight::default() };
                self.open.push(Open { is_module, weight, ..Open::default() });
            }
            Payload::End(_) => self.close(),
            payload => {
                let Some(open) = self.open.last_mut() else { return Ok(()) };
                match open.is_module {
                    true => open.weight = open.weight.plus(of_module(payload)?),
                    false => self.add_to_component(payload)?,
                }
            }
        }
        Ok(())
    }

    /// What is open last has ended: it is one more of its kind in what surrounds it.
    fn close(&mut self) {
        let Some(Open { is_module, weight, .. }) = self.open.pop() else { return };
        self.largest = self.largest.or(weight);
        match self.open.last_mut() {
            Some(around) if is_module => around.modules.push(weight),
            Some(around) => around.components.push(weight),
            None => self.whole = weight,
        }
    }

    fn add_to_component(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        self.instantiate(|open| open.modules.get(module_index as usize).copied());
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        self.instantiate(|open| open.components.get(component_index as usize).copied());
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    self.alias(&alias?);
                }
            }
            // Both put one more into an index space.
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let kind = export?.kind;
                    self.unknown(kind);
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    match import?.ty {
                        wasmparser::ComponentTypeRef::Module(_) => {
                            self.unknown(ComponentExternalKind::Module)
                        }
                        wasmparser::ComponentTypeRef::Component(_) => {
                            self.unknown(ComponentExternalKind::Component);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn instantiate(&mut self, what: impl Fn(&Open) -> Option<Weight>) {
        let largest = self.largest;
        if let Some(open) = self.open.last_mut() {
            open.weight = open.weight.plus(what(open).unwrap_or(largest));
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        match *alias {
            ComponentAlias::InstanceExport { kind, .. } => self.unknown(kind),
            ComponentAlias::CoreInstanceExport { .. } => {}
            ComponentAlias::Outer { kind, count, index } => {
                let depth = self.open.len().checked_sub(count as usize + 1);
                let outer = depth.and_then(|depth| self.open.get(depth));
                let find = |space: fn(&Open) -> &Vec<Weight>| {
                    outer.and_then(|open| space(open).get(index as usize)).copied().unwrap_or(self.largest)
                };
                match kind {
                    ComponentOuterAliasKind::CoreModule => {
                        let weight = find(|open| &open.modules);
                        self.put(ComponentExternalKind::Module, weight);
                    }
                    ComponentOuterAliasKind::Component => {
                        let weight = find(|open| &open.components);
                        self.put(ComponentExternalKind::Component, weight);
                    }
                    ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => {}
                }
            }
        }
    }

    /// One more of a kind, of which it is not followed where it comes from.
    fn unknown(&mut self, kind: ComponentExternalKind) {
        self.put(kind, self.largest);
    }

    fn put(&mut self, kind: ComponentExternalKind, weight: Weight) {
        let Some(open) = self.open.last_mut() else { return };
        match kind {
            ComponentExternalKind::Module => open.modules.push(weight),
            ComponentExternalKind::Component => open.components.push(weight),
            _ => {}
        }
    }
}

/// What a section of a core module adds to each of its instances.
fn of_module(payload: Payload<'_>) -> wasmparser::Result<Weight> {
    let mut weight = Weight::default();
    match payload {
        Payload::MemorySection(section) => {
            weight.memories = u64::from(section.count());
            for memory in section {
                weight.memory_bytes = weight.memory_bytes.max(memory?.initial.saturating_mul(PAGE_BYTES));
            }
        }
        Payload::TableSection(section) => {
            weight.tables = u64::from(section.count());
            for table in section {
                weight.elements = weight.elements.max(table?.ty.initial);
            }
        }
        Payload::ElementSection(section) => {
            for element in section {
                weight.entries = weight.entries.saturating_add(match element?.items {
                    ElementItems::Functions(items) => u64::from(items.count()),
                    ElementItems::Expressions(_, items) => u64::from(items.count()),
                });
            }
        }
        Payload::GlobalSection(section) => weight.entries = u64::from(section.count()),
        Payload::ExportSection(section) => weight.entries = u64::from(section.count()),
        _ => {}
    }
    Ok(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(text: &str) -> Weight {
        count(&wat::parse_str(text).unwrap()).unwrap()
    }

    #[test]
    fn what_is_instantiated_counts_as_often_as_it_is() {
        let weight = weight(
            r#"(component
              (core module $m (memory 1) (memory 3) (table 7 funcref) (global i32 (i32.const 0)))
              (component $c
                (alias outer 1 $m (core module $m))
                (core instance (instantiate $m)) (core instance (instantiate $m)))
              (core module $unused (memory 1000))
              (instance (instantiate $c)) (instance (instantiate $c)) (instance (instantiate $c)))"#,
        );
        let expected = Weight {
            core_instances: 6,
            memories: 12,
            tables: 6,
            entries: 6,
            memory_bytes: 3 * PAGE_BYTES,
            elements: 7,
        };
        assert_eq!(weight, expected);
    }

    #[test]
    fn what_cannot_be_followed_counts_as_the_largest() {
        let weight = weight(
            r#"(component
              (component $c
                (core module $m (memory 5))
                (export "m" (core module $m)))
              (instance $c (instantiate $c))
              (alias export $c "m" (core module $m))
              (core module $small)
              (core instance (instantiate $m)) (core instance (instantiate $small)))"#,
        );
        assert_eq!((weight.core_instances, weight.memory_bytes), (2, 5 * PAGE_BYTES));
    }

    #[test]
    fn doubling_thirty_times_is_counted_and_not_played() {
        let doubled = |n: u32| {
            format!(
                "(component $c{} (alias outer 1 $c{n} (component $c)) (instance (instantiate $c)) (instance \
                 (instantiate $c)))",
                n + 1
            )
        };
        let all: String = (0..30).map(doubled).collect();
        let weight = weight(&format!(
            "(component (component $c0 (core module $m) (core instance (instantiate $m))) {all} \
             (instance (instantiate $c30)))"
        ));
        assert_eq!(weight.core_instances, 1 << 30);
    }
}
