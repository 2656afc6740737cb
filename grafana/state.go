package grafana

import "strconv"

// state is what a machine or a sensor does, as a number that queries compute and a text that people read. The colours differ
// in brightness, too, for those who do not tell red from green.
type state struct {
	code        int
	text, color string
}

var states = []state{
	{0, "no number", "super-light-blue"}, // it sends text, or has not been asked yet
	{1, "reporting", "semi-dark-green"},
	{2, "late", "yellow"},
	{3, "silent", "dark-red"},
	{4, "off", "#7d8590"}, // machines only
	{5, "unknown", "purple"},
	{6, "not recorded", idle}, // over time only
}

// idle is the colour of a tile that has nothing to say.
const idle = "#464c54"

// mapped are value mappings from numbers to texts and colours.
func mapped(all ...state) []object {
	options := object{}
	for i, s := range all {
		options[strconv.Itoa(s.code)] = object{"text": s.text, "color": s.color, "index": i}
	}
	return []object{{"type": "value", "options": options}}
}

// nothing shows a missing value as a text.
func nothing(text string) object {
	return object{"type": "special", "options": object{"match": "null+nan", "result": object{"text": text, "color": "text", "index": 0}}}
}

// yesNo are the mappings of what is 1 when all is well.
func yesNo(yes, no string) []object {
	return mapped(state{1, yes, "semi-dark-green"}, state{0, no, "dark-red"})
}

// noYes are the mappings of what is 0 when all is well.
func noYes(no, yes string) []object {
	return mapped(state{0, no, "semi-dark-green"}, state{1, yes, "dark-red"})
}
