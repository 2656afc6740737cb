package innius_test

import (
	"fmt"
	"iter"
	"strings"
	"testing"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// envelopes yields every way to wrap a list: shape of data, kind of next_key, what ends it, and where it stands.
func envelopes() iter.Seq2[string, simulator.Format] {
	return func(yield func(string, simulator.Format) bool) {
		for shape, shapeName := range []string{"list", "own", "items", "results"} {
			for keys, keyName := range []string{"number", "text"} {
				for end, endName := range []string{"null", "zero", "absent"} {
					for place, placeName := range []string{"next to", "inside"}[:min(2, shape+1)] {
						f := simulator.Format{
							Shape: simulator.Shape(shape), NextKey: simulator.KeyForm(keys),
							KeyEnd: simulator.KeyEnd(end), KeyInData: place == 1,
						}
						if !yield(strings.Join([]string{shapeName, keyName, endName, placeName}, "/"), f) {
							return
						}
					}
				}
			}
		}
	}
}

// cased are the ways to write one field name in letters.
func cased() map[string]func(string) string {
	return map[string]func(string) string{
		"lower": strings.ToLower,
		"UPPER": strings.ToUpper,
		"Title": func(s string) string { return strings.ToUpper(s[:1]) + s[1:] },
	}
}

// hall is a plant with lists of five: an odd number, so that the last of the pages of two is not full.
func hall() simulator.Plant {
	p := plantOf(
		simulator.Sensor{ID: "oil", Name: "Oil temperature", Unit: "°C"},
		simulator.Sensor{ID: "5e/x y", Name: "Drück \"1\"", Unit: "bar"},
		simulator.Sensor{ID: "nameless", Unit: "%"}, simulator.Sensor{ID: "unitless", Name: "Parts"}, simulator.Sensor{ID: "bare"},
	)
	p.Company.Machines = append(p.Company.Machines,
		simulator.Machine{ID: "mill/2", Name: "Maal-/menglijn met 2 hamermolens"},
		simulator.Machine{ID: "saw", Description: "Band saw"},
		simulator.Machine{ID: "bare"}, simulator.Machine{ID: "ünïcode", Name: "Wind Turbine V1-001", Description: "unused"},
	)
	return p
}

func hallMachines() []innius.Machine {
	return []innius.Machine{
		{ID: "press", Name: "Press"},
		{ID: "mill/2", Name: "Maal-/menglijn met 2 hamermolens"},
		{ID: "saw", Name: "Band saw"},
		{ID: "bare", Name: "bare"},
		{ID: "ünïcode", Name: "Wind Turbine V1-001"},
	}
}

func hallSensors() []innius.Sensor {
	return []innius.Sensor{
		{ID: "oil", Name: "Oil temperature", Unit: "°C"},
		{ID: "5e/x y", Name: "Drück \"1\"", Unit: "bar"},
		{ID: "nameless", Name: "nameless", Unit: "%"},
		{ID: "unitless", Name: "Parts"},
		{ID: "bare", Name: "bare"},
	}
}

func TestCompanyIsTheSameInEverySpellingAndShape(t *testing.T) {
	for _, id := range []string{"company_id", "companyid", "domain", "id"} {
		for letters, spell := range cased() {
			for _, list := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/list=%t", id, letters, list), func(t *testing.T) {
					f := simulator.Format{CompanyList: list, Fields: simulator.Fields{
						Data: spell("data"), CompanyID: spell(id), Name: spell("name"),
					}}
					atNoon(t, func(t *testing.T) {
						c, _ := simulated(t, hall(), simulator.Options{Format: f})
						got, err := c.Company(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						want(t, "company", got, innius.Company{ID: "acme", Name: "ACME"})
					})
				})
			}
		}
	}
}

func TestMachinesAreTheSameInEverySpellingAndShape(t *testing.T) {
	for _, id := range []string{"machine_id", "machineid", "id"} {
		for letters, spell := range cased() {
			for envelope, f := range envelopes() {
				t.Run(strings.Join([]string{id, letters, envelope}, "/"), func(t *testing.T) {
					f.Fields = simulator.Fields{
						Data: spell("data"), NextKey: spell("next_key"), MachineID: spell(id),
						Name: spell("name"), Description: spell("description"),
					}
					atNoon(t, func(t *testing.T) {
						c, server := simulated(t, hall(), simulator.Options{Format: f}, pageSize(2))
						got, err := allMachines(t, c, "acme", "")
						if err != nil {
							t.Fatal(err)
						}
						want(t, "machines", got, hallMachines())
						want(t, "requests", server.Stats().Requests, 3)
					})
				})
			}
		}
	}
}

func TestSensorsAreTheSameInEverySpellingAndShape(t *testing.T) {
	for _, id := range []string{"sensor_id", "sensorid", "id"} {
		for _, unit := range []string{"unit", "unit_of_measure", "uom"} {
			for letters, spell := range cased() {
				for envelope, f := range envelopes() {
					t.Run(strings.Join([]string{id, unit, letters, envelope}, "/"), func(t *testing.T) {
						f.Fields = simulator.Fields{
							Data: spell("data"), NextKey: spell("next_key"), SensorID: spell(id), Name: spell("name"), Unit: spell(unit),
						}
						atNoon(t, func(t *testing.T) {
							c, server := simulated(t, hall(), simulator.Options{Format: f}, pageSize(2))
							got, err := allSensors(t, c, "acme", "press", "")
							if err != nil {
								t.Fatal(err)
							}
							want(t, "sensors", got, hallSensors())
							want(t, "requests", server.Stats().Requests, 3)
						})
					})
				}
			}
		}
	}
}
