package poller

import (
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// A scrape reads every label of every sensor, and labels change only when discovery brings something new. So they are
// made then, repaired, bounded and unique (labels.go), in the form in which they are encoded, and are never changed.

// machinePairs are the labels of innius_machine_info, sorted by name. All series of the machine share them.
type machinePairs [6]*dto.LabelPair

// sensorPairs are the labels of a sensor's series, sorted by name.
type sensorPairs struct {
	gauges [3]*dto.LabelPair  // of what it measures
	info   [10]*dto.LabelPair // of innius_sensor_info

	sensor, id, name dto.LabelPair
}

// pair makes the labels of a machine and of its polled sensors, and brings those in their order. They lie in memory as a
// scrape reads them: with a hundred thousand of them, that is much of what it takes.
func (m *machine) pair() {
	m.pairs = &machinePairs{
		newPair(labelCompany, m.companyLabel),
		repaired(labelCompanyID, m.company.ID, m.company.ID), repaired(labelCompanyName, m.company.Name, m.company.ID),
		newPair(labelMachine, m.label), repaired(labelMachineID, m.ID, m.ID), repaired(labelMachineName, m.Name, m.ID),
	}
	slices.SortFunc(m.polled, bySensor)
	units, all := map[string]*dto.LabelPair{}, make([]sensorPairs, len(m.polled))
	for i, s := range m.polled {
		if units[s.Unit] == nil {
			units[s.Unit] = repaired(labelUnit, s.Unit, s.Unit)
		}
		s.pairs = &all[i]
		s.pairs.fill(s, m.pairs, units[s.Unit])
	}
}

func (p *sensorPairs) fill(s *sensor, m *machinePairs, unit *dto.LabelPair) {
	p.sensor.Name, p.sensor.Value = &labelSensor, &s.label
	p.id.Name, p.id.Value = &labelSensorID, repair(&s.ID, s.ID)
	p.name.Name, p.name.Value = &labelSensorName, repair(&s.Name, s.ID)
	p.gauges = [3]*dto.LabelPair{m[0], m[3], &p.sensor}
	copy(p.info[:], m[:])
	copy(p.info[len(m):], []*dto.LabelPair{&p.sensor, &p.id, &p.name, unit})
}

// The names of labels.
var (
	labelAccount, labelCause, labelReason, labelStatus = "account", "cause", "reason", "status"
	labelCompany, labelCompanyID, labelCompanyName     = "company", "company_id", "company_name"
	labelMachine, labelMachineID, labelMachineName     = "machine", "machine_id", "machine_name"
	labelSensor, labelSensorID, labelSensorName        = "sensor", "sensor_id", "sensor_name"
	labelUnit                                          = "unit"
)

func newPair(name, value string) *dto.LabelPair { return &dto.LabelPair{Name: &name, Value: &value} }

// repaired is a pair whose value is a text from the API.
func repaired(name, text, id string) *dto.LabelPair {
	return &dto.LabelPair{Name: &name, Value: repair(&text, id)}
}

// repair returns a text from the API as a label value: the text itself where there is nothing to repair.
func repair(text *string, id string) *string {
	if value := label(*text, id); value != *text {
		return &value
	}
	return text
}
