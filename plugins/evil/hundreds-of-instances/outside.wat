(core module $one (func (export "f")))
{instances}
