package oncegate

import "unicode/utf8"

// Config is the value that the operator set under this name, and whether there is one. It does not change during an
// invocation.
func Config(name string) (string, bool) {
	if !utf8.ValidString(name) {
		return "", false
	}
	return hostConfig(name)
}
