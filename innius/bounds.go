package innius

import (
	"bytes"
	"strings"
	"sync"
)

// Bounds of a response: what it takes to read it is a multiple of its size. A page of 10,000 readings with ten fields each is
// within them.
const (
	maxBody    = 4 << 20   // bytes after decompression
	maxFailure = 256 << 10 // the same, of a response with another status than 200
	maxDepth   = 32        // lists and objects inside each other
	maxFields  = 1000      // of one object
	maxValues  = 250_000   // JSON values, an object counted as objectCost
	// An object takes as much memory as so many numbers.
	objectCost = 8
)

// decoding is held while a body is decoded, which takes the most memory: one at a time in a process.
var decoding sync.Mutex

// decode reads the JSON of a success, for parse, and drops the body.
func (a *response) decode() {
	decoding.Lock()
	defer decoding.Unlock()
	a.top, a.unparsed = a.parse()
	a.decoded, a.body = true, nil
}

// longHeader reports whether a request failed for a header beyond Transport.MaxResponseHeaderBytes: net/http has no error of
// its own for that, neither over HTTP/1.1 nor over HTTP/2.
func longHeader(err error) bool {
	return strings.Contains(err.Error(), "response headers exceeded") || strings.Contains(err.Error(), "response header list larger")
}

// bounded looks at the size of a JSON text before it is decoded. Whether it is JSON is not its matter.
func (a *response) bounded() error {
	if bytes.HasPrefix(bytes.TrimSpace(a.body), []byte("<")) {
		return nil // parse describes a page
	}
	var fields [maxDepth + 1]int // of the object at each depth
	values, depth, quoted := 0, 0, false
	for i := 0; i < len(a.body); i++ {
		switch c := a.body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			values++
			if c == '{' {
				values += objectCost - 1
			}
			if depth++; depth > maxDepth {
				return a.errorf("the JSON is nested more than %d levels deep", maxDepth)
			}
			fields[depth] = 0
		case c == '}' || c == ']':
			depth = max(0, depth-1)
		case c == ',':
			values++
		case c == ':':
			fields[depth]++
		}
		switch {
		case values > maxValues:
			return a.errorf("the JSON holds too many values: lower page_size or lookback")
		case fields[depth] > maxFields:
			return a.errorf("an object in the JSON has more than %d fields", maxFields)
		}
	}
	return nil
}
