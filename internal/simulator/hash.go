package simulator

import (
	"fmt"
	"hash/fnv"
)

// textHash is a stable hash of a text: the same in every process and release, so that a demo plant looks the same
// tomorrow.
func textHash(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // a hash never fails
	return mix(h.Sum64(), 0)
}

// mix hashes two numbers into one (the finaliser of splitmix64).
func mix(a, b uint64) uint64 {
	x := a ^ (b+1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// ratio maps a hash to 0 <= x < 1.
func ratio(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// uuid makes an id that looks like a version 4 UUID out of a text.
func uuid(text string) string {
	a, b := textHash(text), textHash(text+"\x00")
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}
