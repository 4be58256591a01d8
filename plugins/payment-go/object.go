package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf16"
)

// object is a JSON object's members, each as it was written. The standard library has more patience with an object than
// money deserves: it takes members that are there twice, null for any type, and names in another case.
type object struct {
	members []member
	// The first member that could not be read.
	err error
}

type member struct {
	name  string
	value []byte
}

// UnmarshalJSON takes the object apart. What it is given is well-formed, which is not looked at again.
func (o *object) UnmarshalJSON(data []byte) error {
	o.members = make([]member, 0, 8)
	// What was given is the library's again when this returns.
	rest := bytes.TrimLeft(bytes.Clone(data)[len("{"):], space)
	for rest[0] != '}' {
		name, value := rest[:lengthOf(rest)], bytes.TrimLeft(rest[lengthOf(rest):], space+":")
		length := lengthOf(value)
		text, err := unquoted(name)
		if err != nil {
			return err
		}
		o.members = append(o.members, member{text, value[:length]})
		rest = bytes.TrimLeft(value[length:], space+",")
	}
	return nil
}

const space = " \t\r\n"

// lengthOf is how long the value is that begins here.
func lengthOf(data []byte) int {
	for at, depth := 0, 0; ; at++ {
		switch data[at] {
		case '"':
			at += stringLength(data[at:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		default:
			// A number or a word, whose end is what follows it.
			if depth == 0 {
				return bytes.IndexAny(data, space+",}]")
			}
		}
		if depth == 0 {
			return at + 1
		}
	}
}

func stringLength(data []byte) int {
	for at := 1; ; at++ {
		switch data[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
}

// text is the member that is a string of that name.
func (o *object) text(name string) (text string) {
	o.read(name, func(value []byte) (err error) {
		if value[0] != '"' {
			return errors.New("not a string")
		}
		text, err = unquoted(value)
		return err
	})
	return text
}

// amount is the member that is a whole number of that name.
func (o *object) amount(name string) (amount uint64) {
	o.read(name, func(value []byte) (err error) {
		if amount, err = strconv.ParseUint(string(value), 10, 64); err != nil {
			return errors.New("not a whole number from 0 to 2^64-1")
		}
		return nil
	})
	return amount
}

var errMissing = errors.New("missing")

func (o *object) read(name string, as func([]byte) error) {
	err := errMissing
	for i, each := range o.members {
		if each.name != name {
			continue
		}
		if slices.ContainsFunc(o.members[:i], func(m member) bool { return m.name == name }) {
			err = errors.New("there more than once")
			break
		}
		err = as(each.value)
	}
	if err != nil && o.err == nil {
		o.err = fmt.Errorf("%s: %w", name, err)
	}
}

// unquoted is the text of a string as it was written.
func unquoted(written []byte) (text string, err error) {
	if !bytes.Contains(written, []byte(`\`)) {
		return string(written[1 : len(written)-1]), nil
	}
	if !wholeCharacters(written) {
		// The standard library would put the same character in place of each: two ids could become one.
		return "", errors.New("an escape that is half a character")
	}
	return text, json.Unmarshal(written, &text)
}

// wholeCharacters says whether the surrogates among a string's escapes come in pairs.
func wholeCharacters(written []byte) bool {
	for i := 0; i < len(written); i++ {
		if written[i] != '\\' {
			continue
		}
		i++
		first, ok := unit(written[i:])
		if !ok || !utf16.IsSurrogate(first) {
			continue
		}
		// Past the digits and the backslash that has to follow.
		i += len("uXXXX") + len(`\`)
		second, ok := unit(written[min(i, len(written)):])
		if !ok || written[i-1] != '\\' || utf16.DecodeRune(first, second) == '\uFFFD' {
			return false
		}
	}
	return true
}

// unit is the number of an escape that begins here, behind its backslash, if it is one of a number.
func unit(escape []byte) (rune, bool) {
	if len(escape) < len("uXXXX") || escape[0] != 'u' {
		return 0, false
	}
	number, err := strconv.ParseUint(string(escape[1:5]), 16, 16)
	return rune(number), err == nil
}
