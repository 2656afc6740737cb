package innius

// Secret is an API key. Every way of printing it gives "<secret>"; Reveal is the one way to its text.
type Secret struct{ text string }

// masked stands wherever a key was cut out of a text.
const masked = "<secret>"

// NewSecret makes a secret of a key.
func NewSecret(key string) Secret { return Secret{text: key} }

// Reveal returns the key itself. Only what builds the x-api-key header calls it.
func (s Secret) Reveal() string { return s.text }

// Empty reports whether there is no key.
func (s Secret) Empty() bool { return s.text == "" }

// String returns "<secret>", or nothing for an empty secret.
func (s Secret) String() string {
	if s.Empty() {
		return ""
	}
	return masked
}

// GoString keeps %#v from printing the key.
func (s Secret) GoString() string { return s.String() }

// MarshalText keeps encoders (JSON, YAML, logs) from printing the key.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
