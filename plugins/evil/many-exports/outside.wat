(core module $nothing (func (export "f")))
(core instance $nothing (instantiate $nothing))
(func $f (canon lift (core func $nothing "f")))
{exports}
