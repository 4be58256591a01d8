package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"oncegate.dev/sdk"
	"oncegate.dev/sdk/oncegatetest"
)

const cases = "../../../tests/conformance"

type testCase struct {
	What       string            `json:"what"`
	Languages  []string          `json:"languages"`
	HostOnly   bool              `json:"host_only"`
	Config     map[string]string `json:"config"`
	Limits     map[string]uint32 `json:"limits"`
	Topics     []string          `json:"topics"`
	Outputs    string            `json:"outputs"`
	Before     []before          `json:"before"`
	Deliveries []delivery        `json:"deliveries"`
}

type before struct {
	Key       text `json:"key"`
	Committed *struct {
		Receipt *binary `json:"receipt"`
		Payload *binary `json:"payload"`
	} `json:"committed"`
	InFlight *uint64 `json:"in_flight"`
	Dead     *text   `json:"dead"`
	Store    string  `json:"store"`
}

type delivery struct {
	Message struct {
		ID          *text    `json:"id"`
		Topic       *text    `json:"topic"`
		Key         *text    `json:"key"`
		Headers     []header `json:"headers"`
		Attempt     *uint32  `json:"attempt"`
		PublishedMS *string  `json:"published_ms"`
	} `json:"message"`
	Steps   json.RawMessage `json:"steps"`
	Payload binary          `json:"payload"`
	Expect  expectation     `json:"expect"`
}

type expectation struct {
	End            oncegatetest.End `json:"end"`
	Reason         *perLanguage     `json:"reason"`
	ReasonContains *perLanguage     `json:"reason_contains"`
	Results        json.RawMessage  `json:"results"`
	Outputs        *[]emission      `json:"outputs"`
	Log            [][2]text        `json:"log"`
}

// perLanguage is a text, or one for each language.
type perLanguage string

func (p *perLanguage) UnmarshalJSON(data []byte) error {
	var one text
	if err := json.Unmarshal(data, &one); err == nil {
		*p = perLanguage(one)
		return nil
	}
	var each map[string]text
	if err := json.Unmarshal(data, &each); err != nil {
		return err
	}
	*p = perLanguage(each["*"])
	if own, ok := each["go"]; ok {
		*p = perLanguage(own)
	}
	return nil
}

func TestCases(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(cases, "*", "case.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s (%v)", cases, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) { runCase(t, file) })
	}
}

func runCase(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var c testCase
	if err := decoder.Decode(&c); err != nil {
		t.Fatal(err)
	}
	if c.HostOnly || len(c.Languages) > 0 && !slices.Contains(c.Languages, "go") {
		t.Skip("for others: ", c.What)
	}
	host := c.host(t)
	for number, delivery := range c.Deliveries {
		applied := len(host.Outputs())
		got := host.Deliver(handle, delivery.message(t))
		for _, wrong := range delivery.Expect.wrong(got, host.Outputs()[applied:]) {
			t.Errorf("delivery %d: %s", number, wrong)
		}
	}
}

func (c *testCase) host(t *testing.T) *oncegatetest.Host {
	host := oncegatetest.New()
	host.FreeOutputs = c.Outputs != "gated"
	if c.Topics != nil {
		host.Topics = append(c.Topics, "results")
	}
	for name, value := range c.Config {
		host.SetConfig(name, value)
	}
	limits := &host.Limits
	for name, limit := range c.Limits {
		switch name {
		case "keys":
			limits.Keys = limit
		case "key_bytes":
			limits.KeyBytes = int(limit)
		case "receipt_bytes":
			limits.ReceiptBytes = limit
		case "outputs":
			limits.Outputs = limit
		case "output_bytes":
			limits.OutputBytes = limit
		case "output_headers":
			limits.OutputHeaders = int(limit)
		case "output_name_bytes":
			limits.OutputNameBytes = int(limit)
		default:
			t.Fatalf("a limit that this host has not: %s", name)
		}
	}
	for _, known := range c.Before {
		plant(host, known)
	}
	return host
}

func plant(host *oncegatetest.Host, known before) {
	key := string(known.Key)
	switch {
	case known.Store == "down":
		host.SetStoreDown(true)
	case known.InFlight != nil:
		host.PlantInFlight(key, *known.InFlight)
	case known.Dead != nil:
		host.PlantDead(key, string(*known.Dead))
	case known.Committed.Payload != nil:
		host.PlantCommittedBy(key, orNil(known.Committed.Receipt), *known.Committed.Payload)
	default:
		host.PlantCommitted(key, orNil(known.Committed.Receipt))
	}
}

func orNil(of *binary) []byte {
	if of == nil {
		return nil
	}
	return *of
}

func (d *delivery) message(t *testing.T) oncegate.Message {
	message := oncegate.Message{ID: "m:0", Topic: "in", Payload: d.Payload, Attempt: 1}
	if d.Steps != nil {
		var compact bytes.Buffer
		if err := json.Compact(&compact, d.Steps); err != nil {
			t.Fatal(err)
		}
		message.Payload = compact.Bytes()
	}
	if id := d.Message.ID; id != nil {
		message.ID = string(*id)
	}
	if topic := d.Message.Topic; topic != nil {
		message.Topic = string(*topic)
	}
	if d.Message.Key != nil {
		key := string(*d.Message.Key)
		message.Key = &key
	}
	for _, header := range d.Message.Headers {
		message.Headers = append(message.Headers, oncegate.Header{Name: string(header.name), Value: header.value})
	}
	if attempt := d.Message.Attempt; attempt != nil {
		message.Attempt = *attempt
	}
	if d.Message.PublishedMS != nil {
		published, err := strconv.ParseUint(*d.Message.PublishedMS, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		message.PublishedMS = &published
	}
	return message
}

// wrong is what is not as expected.
func (e *expectation) wrong(got oncegatetest.Delivery, applied []oncegatetest.Output) (wrong []string) {
	say := func(format string, arguments ...any) { wrong = append(wrong, fmt.Sprintf(format, arguments...)) }
	if got.End != e.End {
		say("it ended as %s, not %s", got, e.End)
	}
	if e.Reason != nil && got.Reason != string(*e.Reason) {
		say("the reason is %q, not %q", got.Reason, *e.Reason)
	}
	if e.ReasonContains != nil && !strings.Contains(got.Reason, string(*e.ReasonContains)) {
		say("the reason is %q, without %q", got.Reason, *e.ReasonContains)
	}
	if results := resultsOf(got.Staged); e.Results != nil && !sameJSON(results, e.Results) {
		say("the results are %s, not %s", results, e.Results)
	}
	if e.Outputs != nil {
		applied = slices.DeleteFunc(slices.Clone(applied), isResults)
		expected := []oncegatetest.Output{}
		for _, output := range *e.Outputs {
			expected = append(expected, output.output())
		}
		if !slices.EqualFunc(applied, expected, func(a, b oncegatetest.Output) bool { return reflect.DeepEqual(a, b) }) {
			say("the outputs are %v, not %v", applied, expected)
		}
	}
	lines := got.Log
	for _, pair := range e.Log {
		at := slices.IndexFunc(lines, func(line oncegatetest.Line) bool {
			return line.Level.String() == string(pair[0]) && strings.Contains(line.Text, string(pair[1]))
		})
		if at < 0 {
			say("the log is %v, without %v in its order", got.Log, pair)
			break
		}
		lines = lines[at+1:]
	}
	return wrong
}

func (e *emission) output() oncegatetest.Output {
	output := oncegatetest.Output{Topic: string(e.Topic), Payload: append([]byte{}, e.Payload...)}
	if e.Key != nil {
		key := string(*e.Key)
		output.Key = &key
	}
	for _, header := range e.Headers {
		output.Headers = append(output.Headers, oncegate.Header{Name: string(header.name), Value: header.value})
	}
	return output
}

func isResults(output oncegatetest.Output) bool { return output.Topic == "results" }

func resultsOf(staged []oncegatetest.Output) []byte {
	for _, output := range slices.Backward(staged) {
		if isResults(output) {
			return output.Payload
		}
	}
	return nil
}

func sameJSON(a, b []byte) bool {
	var values [2]any
	for i, text := range [][]byte{a, b} {
		decoder := json.NewDecoder(bytes.NewReader(text))
		// Exactly, also beyond what a float64 can tell apart.
		decoder.UseNumber()
		if decoder.Decode(&values[i]) != nil {
			return false
		}
	}
	return reflect.DeepEqual(values[0], values[1])
}
