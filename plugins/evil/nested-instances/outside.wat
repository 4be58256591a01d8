(component $a
  (core module $one (func (export "f")))
  (core instance (instantiate $one)) (core instance (instantiate $one)) (core instance (instantiate $one)))
(component $b
  (alias outer 1 $a (component $a))
  (instance (instantiate $a)) (instance (instantiate $a)) (instance (instantiate $a)))
(component $c
  (alias outer 1 $b (component $b))
  (instance (instantiate $b)) (instance (instantiate $b)) (instance (instantiate $b)))
(instance (instantiate $c)) (instance (instantiate $c)) (instance (instantiate $c))
