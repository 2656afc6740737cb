package simulator

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// A next_key holds the position that the next page starts at, plus one so that it is never 0, which means the end. Where
// keys expire, the last eight digits are the second of its issue, modulo three years. A position in values is a reading's
// index, so that going on is stable while new readings arrive; one in a list is an offset.

const (
	issueDigits = 8
	issueModulo = 100_000_000
	// textMark makes text keys hold "+" and "/": a client that does not escape them fails.
	textMark = "\xfb\xff\xbf"
)

func (f *Format) nextKey(position int64) string { return f.emptyKey(position, 0) }

// emptyKey is the key of a page with the number of empty pages that precede it and were sent: its last digit, where
// pages are sparse.
func (f *Format) emptyKey(position int64, sent int) string {
	if f.Sparse > 0 {
		position = position*10 + int64(sent)
	}
	key := strconv.FormatInt(position+1, 10)
	if f.CursorTTL > 0 {
		issue := strconv.FormatInt(time.Now().Unix()%issueModulo, 10)
		key += strings.Repeat("0", issueDigits-len(issue)) + issue
	}
	if f.NextKey == TextKey {
		key = base64.StdEncoding.EncodeToString([]byte(textMark + key))
	}
	return f.KeyPrefix + key
}

var errKey = errors.New("start_key is malformed")

// position reads a start_key, and how many empty pages were sent before it. Its errors are for the message of a 400.
func (f *Format) position(key string) (at int64, skipped int, err error) {
	key, ok := strings.CutPrefix(key, f.KeyPrefix)
	if !ok {
		return 0, 0, errKey
	}
	if at, err = f.decodeKey(key); err == nil && f.Sparse > 0 {
		at, skipped = at/10, int(at%10)
	}
	return at, skipped, err
}

func (f *Format) decodeKey(key string) (int64, error) {
	if f.NextKey == TextKey {
		plain, err := base64.StdEncoding.DecodeString(key)
		text, ok := strings.CutPrefix(string(plain), textMark)
		if err != nil || !ok {
			return 0, errKey
		}
		key = text
	}
	if f.CursorTTL > 0 {
		return f.fresh(key)
	}
	return plainPosition(key)
}

func plainPosition(key string) (int64, error) {
	n, err := strconv.ParseInt(key, 10, 64)
	if err != nil || n < 1 {
		return 0, errKey
	}
	return n - 1, nil
}

func (f *Format) fresh(key string) (int64, error) {
	cut := max(0, len(key)-issueDigits)
	issued, err := strconv.ParseInt(key[cut:], 10, 64)
	if err != nil {
		return 0, errKey
	}
	position, err := plainPosition(key[:cut])
	if err != nil {
		return 0, err
	}
	age := (time.Now().Unix()%issueModulo - issued + issueModulo) % issueModulo
	if age > int64(f.CursorTTL/time.Second) {
		return 0, errors.New("start_key expired")
	}
	return position, nil
}

// next is the field next_key of a page; none if the absence of the field marks the end.
func (f *Format) next(p pageOf) object {
	switch {
	case f.NoNextKey:
		return nil
	case p.next != "" && (f.NextKey == TextKey || f.KeyPrefix != ""):
		return object{{f.Fields.NextKey, p.next}}
	case p.next != "":
		return object{{f.Fields.NextKey, json.Number(p.next)}}
	case f.KeyEnd == NullAtEnd:
		return object{{f.Fields.NextKey, nil}}
	case f.KeyEnd == ZeroAtEnd:
		return object{{f.Fields.NextKey, 0}}
	}
	return nil
}
