package innius_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"innius_exporter/innius"
)

func TestSecretPrintsMasked(t *testing.T) {
	s := innius.NewSecret(canary)
	for format, expected := range map[string]string{
		"%v": "<secret>", "%+v": "<secret>", "%#v": "<secret>", "%s": "<secret>", "%q": `"<secret>"`, "%10s": "  <secret>",
	} {
		want(t, format, fmt.Sprintf(format, s), expected)
		want(t, format+" of a pointer", strings.Contains(fmt.Sprintf(format, &s), "<secret>"), true)
	}
	want(t, "Println", fmt.Sprintln("key", s), "key <secret>\n")
}

func TestSecretIsMaskedInsideOtherValues(t *testing.T) {
	type hidden struct{ key innius.Secret } // fmt calls no method of an unexported field
	holders := map[string]any{
		"a secret": innius.NewSecret(canary), "a field": struct{ Key innius.Secret }{innius.NewSecret(canary)},
		"an unexported field": hidden{innius.NewSecret(canary)}, "a slice": []innius.Secret{innius.NewSecret(canary)},
		"a map":       map[string]any{"k": hidden{innius.NewSecret(canary)}},
		"a map's key": map[innius.Secret]int{innius.NewSecret(canary): 1},
	}
	for name, holder := range holders {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%c"} {
			t.Run(name+"/"+format, func(t *testing.T) {
				text := fmt.Sprintf(format, holder)
				for _, form := range []string{"%s", "%x", "%X"} {
					if strings.Contains(text, fmt.Sprintf(form, canary)) {
						t.Errorf("shows the key: %s", text)
					}
				}
			})
		}
	}
}

func TestSecretIsEncodedMasked(t *testing.T) {
	text, err := json.Marshal(map[string]any{"key": innius.NewSecret(canary), "none": innius.Secret{}})
	want(t, "error", err, nil)
	want(t, "JSON", string(text), `{"key":"\u003csecret\u003e","none":""}`)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", innius.NewSecret(canary))
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", innius.NewSecret(canary), "in", []any{innius.NewSecret(canary)})
	want(t, "log shows the key", strings.Contains(log.String(), canary), false)
	want(t, "log shows the mask", strings.Contains(log.String(), "<secret>"), true)
}

func TestSecretsAreEqualByKey(t *testing.T) {
	one, same := innius.NewSecret("a"), innius.NewSecret(strings.ToLower("A"))
	want(t, "equal", one == same, true)
	want(t, "different", innius.NewSecret("a") == innius.NewSecret("b"), false)
	want(t, "empty ones", innius.NewSecret("") == innius.Secret{}, true)
	want(t, "empty", innius.NewSecret("").Empty(), true)
	want(t, "not empty", innius.NewSecret("a").Empty(), false)
	want(t, "revealed", innius.NewSecret(canary).Reveal(), canary)
	want(t, "nothing revealed", innius.Secret{}.Reveal(), "")
	want(t, "an empty one prints", innius.Secret{}.String(), "")
}
