package oncegate

import (
	"bytes"
	"encoding/json"
)

// marshal writes JSON as the SDKs of other languages do. The standard library escapes what could end a script or a line
// of one, which would give a handler's outputs other bytes here than there.
func marshal(value any) ([]byte, error) {
	var written bytes.Buffer
	encoder := json.NewEncoder(&written)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return unescapeLineEnds(bytes.TrimSuffix(written.Bytes(), []byte("\n"))), nil
}

// unescapeLineEnds writes U+2028 and U+2029 as they are: no option keeps the standard library from escaping them.
func unescapeLineEnds(text []byte) []byte {
	if !bytes.Contains(text, []byte(`\u202`)) {
		return text
	}
	plain := make([]byte, 0, len(text))
	for len(text) > 0 {
		switch {
		case bytes.HasPrefix(text, []byte(`\u2028`)):
			plain, text = append(plain, "\u2028"...), text[6:]
		case bytes.HasPrefix(text, []byte(`\u2029`)):
			plain, text = append(plain, "\u2029"...), text[6:]
		case text[0] == '\\':
			// Two characters that belong together, so that an escaped backslash begins nothing.
			plain, text = append(plain, text[:2]...), text[2:]
		default:
			plain, text = append(plain, text[0]), text[1:]
		}
	}
	return plain
}
