set disable-randomization off
set trace-commands on
list main
search stop: arrays
