package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"unicode/utf16"

	"oncegate.dev/sdk"
)

// text is a string, or {"repeat": [string, n]}.
type text string

// UnmarshalJSON reads either.
func (t *text) UnmarshalJSON(data []byte) error {
	piece, times, err := repeated[string](data)
	*t = text(strings.Repeat(piece, times))
	return err
}

// binary is base64, or {"repeat": [base64, n]}.
type binary []byte

// UnmarshalJSON reads either.
func (b *binary) UnmarshalJSON(data []byte) error {
	piece, times, err := repeated[[]byte](data)
	*b = bytes.Repeat(piece, times)
	if *b == nil {
		// There, and empty.
		*b = binary{}
	}
	return err
}

func repeated[Piece any](data []byte) (piece Piece, times int, err error) {
	if !bytes.HasPrefix(data, []byte("{")) {
		return piece, 1, json.Unmarshal(data, &piece)
	}
	var of struct{ Repeat [2]json.RawMessage }
	if err := json.Unmarshal(data, &of); err != nil {
		return piece, 0, err
	}
	if err := json.Unmarshal(of.Repeat[0], &piece); err != nil {
		return piece, 0, err
	}
	return piece, times, json.Unmarshal(of.Repeat[1], &times)
}

// header is [name, value].
type header struct {
	name  text
	value binary
}

// UnmarshalJSON reads the pair.
func (h *header) UnmarshalJSON(data []byte) error {
	var pair [2]json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if err := json.Unmarshal(pair[0], &h.name); err != nil {
		return err
	}
	return json.Unmarshal(pair[1], &h.value)
}

// shownBytes is the most that is shown itself, and not by its length and hash.
const shownBytes = 48

type hashed struct {
	Length int    `json:"length"`
	FNV1a  uint32 `json:"fnv1a"`
}

func shown(data []byte) any {
	if data == nil || len(data) <= shownBytes {
		// Of nil, this is null.
		return data
	}
	hash := fnv.New32a()
	_, _ = hash.Write(data)
	return hashed{len(data), hash.Sum32()}
}

type messageShown struct {
	ID          string   `json:"id"`
	Topic       string   `json:"topic"`
	Key         *string  `json:"key"`
	Headers     [][2]any `json:"headers"`
	Payload     any      `json:"payload"`
	Attempt     uint32   `json:"attempt"`
	PublishedMS *string  `json:"published_ms"`
}

func shownMessage(message oncegate.Message) messageShown {
	headers := [][2]any{}
	for _, header := range message.Headers {
		headers = append(headers, [2]any{header.Name, shown(header.Value)})
	}
	var published *string
	if message.PublishedMS != nil {
		decimal := strconv.FormatUint(*message.PublishedMS, 10)
		published = &decimal
	}
	return messageShown{
		ID: message.ID, Topic: message.Topic, Key: message.Key, Headers: headers, Payload: shown(message.Payload),
		Attempt: message.Attempt, PublishedMS: published,
	}
}

// ascii is a value as compact JSON without any other characters.
func ascii(value any) string {
	var written bytes.Buffer
	encoder := json.NewEncoder(&written)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	var plain strings.Builder
	for _, r := range strings.TrimSuffix(written.String(), "\n") {
		if r < 0x80 {
			plain.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&plain, `\u%04x`, unit)
		}
	}
	return plain.String()
}
