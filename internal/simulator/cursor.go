package simulator

import (
	"encoding/base64"
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

// cursor is where a page starts.
type cursor struct {
	position int64
	empty    int // the number of empty pages that precede the page and were sent, where pages are sparse
}

// key writes a cursor as a next_key. The empty pages are its last digit, where pages are sparse.
func (c cursor) key(f *Format) string {
	position := c.position
	if f.Sparse > 0 {
		position = position*10 + int64(c.empty)
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

// parseCursor reads a start_key. Its errors are for the message of a 400.
func parseCursor(f *Format, key string) (c cursor, err error) {
	key, ok := strings.CutPrefix(key, f.KeyPrefix)
	if !ok {
		return cursor{}, errKey
	}
	if f.NextKey == TextKey {
		plain, err := base64.StdEncoding.DecodeString(key)
		text, ok := strings.CutPrefix(string(plain), textMark)
		if err != nil || !ok {
			return cursor{}, errKey
		}
		key = text
	}
	if f.CursorTTL > 0 {
		c.position, err = freshPosition(key, f.CursorTTL)
	} else {
		c.position, err = plainPosition(key)
	}
	if err == nil && f.Sparse > 0 {
		c.position, c.empty = c.position/10, int(c.position%10)
	}
	return c, err
}

func plainPosition(key string) (int64, error) {
	n, err := strconv.ParseInt(key, 10, 64)
	if err != nil || n < 1 {
		return 0, errKey
	}
	return n - 1, nil
}

// freshPosition reads a key with the second of its issue.
func freshPosition(key string, ttl time.Duration) (int64, error) {
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
	if age > int64(ttl/time.Second) {
		return 0, errors.New("start_key expired")
	}
	return position, nil
}
