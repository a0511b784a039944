"""Who of all runs and processes may start next on this machine: resources and slots, first come, first served."""

from motet.admission.board import Board as Board
from motet.admission.office import Office as Office
from motet.admission.tickets import Tickets as Tickets
